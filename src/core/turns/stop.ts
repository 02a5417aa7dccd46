import type { ActiveTurn as StoredTurn } from '../../storage/turns.ts';
import type { Message } from '../../storage/messages.ts';
import { ownConversation } from '../conversations/own.ts';
import type { Idempotency } from '../idempotency.ts';
import { ownerOf, type Participant } from '../identity/caller.ts';
import { activeIn } from './active.ts';
import { createChangeAlarm } from './alarm.ts';
import { runWhenFirst } from './end-turn.ts';
import { ownTurn, result } from './follow.ts';
import { refuseWhereLeft } from './left-to-next.ts';
import { stopped } from './make-answer.ts';
import { askNode, pollMs, requests, turnsElsewhere } from './other-nodes.ts';
import { endByForce } from './seize.ts';
import type { ActiveTurn, TurnsState } from './state.ts';
import { isMadeAgain } from './turn.ts';

const never = new AbortController().signal;

/** See `Turns.stop`. */
export async function stop(
  state: TurnsState,
  caller: Participant,
  conversationId: number,
  key: Idempotency | undefined,
): Promise<Message[]> {
  const { conversations, idempotency } = state.parts;
  await ownConversation(conversations, caller, conversationId);
  refuseWhereLeft(state, conversationId);
  const ids = await activeIn(state, conversationId);
  return idempotency.once(
    ownerOf(caller),
    key,
    ids,
    async (claim) => {
      if (claim !== undefined) await idempotency.store(claim);
      return stopAll(state, conversationId);
    },
    (stoppedBefore) => stopAgain(state, caller, conversationId, stoppedBefore as number[]),
  );
}

/** Where the server was killed before it had stopped them, they may be on their way again. */
async function stopAgain(
  state: TurnsState,
  caller: Participant,
  conversationId: number,
  ids: readonly number[],
): Promise<Message[]> {
  for (const id of ids) ownTurn(state, caller, id)?.controller.abort(stopped);
  const elsewhere = await turnsElsewhere(state, conversationId);
  await Promise.all(elsewhere.filter(({ id }) => ids.includes(id)).map((turn) => stopElsewhere(state, turn)));
  return Promise.all(ids.map((id) => result(state, caller, id, never)));
}

/** See `RunningTurns.stopAll`. */
export async function stopAll(state: TurnsState, conversationId: number): Promise<Message[]> {
  const turns = [...state.line.in(conversationId)];
  for (const { controller } of turns) controller.abort(stopped);
  // One that is to be made again may wait until the models are known; to end, it need not.
  runWhenFirst(state, turns[0]);
  const elsewhere = await turnsElsewhere(state, conversationId);
  const others = Promise.all(elsewhere.map((turn) => stopElsewhere(state, turn)));
  const [theirs] = await Promise.all([others, Promise.allSettled(turns.map(({ live }) => live.ended))]);
  const ours = await Promise.all(
    turns.filter(({ stored }) => stored).map((turn) => stoppedHere(state, turn)),
  );
  return [...theirs, ...ours].filter((answer) => answer !== undefined).toSorted((a, b) => a.place - b.place);
}

/** See `RunningTurns.stopOf`. */
export async function stopOf(state: TurnsState, conversationId: number, messageId: number): Promise<void> {
  refuseWhereLeft(state, conversationId);
  const isOf = ({ id, questionId }: { id: number; questionId: number }) =>
    id === messageId || questionId === messageId;
  const turns = state.line.in(conversationId).filter(isOf);
  for (const turn of turns) halt(state, turn);
  const elsewhere = (await turnsElsewhere(state, conversationId)).filter(isOf);
  await Promise.all([
    ...turns.map((turn) => stoppedHere(state, turn)),
    ...elsewhere.map((turn) => stopElsewhere(state, turn)),
  ]);
}

/** Ends a turn of this node wherever it stands in its line. */
export function halt(state: TurnsState, turn: ActiveTurn): void {
  turn.controller.abort(stopped);
  // One that has nothing to say need not wait for those before it.
  if (turn.stored && !turn.running && !turn.givenUp) state.run(turn);
}

async function stoppedHere(state: TurnsState, { id, live }: ActiveTurn): Promise<Message | undefined> {
  try {
    return await live.ended;
  } catch (thrown) {
    if (!state.parts.shared || !isMadeAgain(thrown)) throw thrown;
    const turn = await state.parts.rows.find(id);
    return turn === undefined ? state.parts.messages.find(id) : stopElsewhere(state, turn);
  }
}

/** Ends a turn of another node, whoever comes to make it meanwhile; undefined where its message is gone. */
async function stopElsewhere(
  state: TurnsState,
  { id, conversationId }: StoredTurn,
): Promise<Message | undefined> {
  const { parts, active } = state;
  const alarm = createChangeAlarm(parts, conversationId);
  let asked = '';
  try {
    for (;;) {
      const turn = await parts.rows.find(id);
      if (turn === undefined) return await parts.messages.find(id);
      const maker = `${turn.node} ${turn.fence}`;
      const ours = active.get(id);
      if (ours !== undefined) halt(state, ours);
      else if (maker !== asked && turn.node !== state.node) {
        asked = maker;
        if ((await askNode(state, turn.node, requests.stop, { id })) === undefined) {
          await endByForce(state, turn, stopped);
          continue;
        }
      }
      await alarm.wait(pollMs(parts));
    }
  } finally {
    alarm.close();
  }
}
