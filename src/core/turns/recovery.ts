import type { Conversation } from '../../storage/conversations.ts';
import type { ActiveTurn, TurnEnd } from '../../storage/turns.ts';
import { changeOwner } from './change-owner.ts';
import { cutOffEnd, type TurnOrigin } from './cut-off.ts';
import { runWhenFirst } from './end-turn.ts';
import { mayGiveUp, waitingFor } from './hand-over.ts';
import { mayBegin, rejoin } from './left-to-next.ts';
import { givenUp, interrupted } from './make-answer.ts';
import { closeFor, seize } from './seize.ts';
import { leaseMs, type TurnsState } from './state.ts';
import { givenUpCode } from './turn.ts';

/** A turn that was cut off, and how it ends if nobody makes its answer. */
interface CutOff extends Found {
  end: TurnEnd;
}

/**
 * Settles what processes that are gone left behind: all turns of others, or, where `lapsedAt` is a time, those whose lease ended before it. An
 * answer that nobody waits for and that has said nothing goes back into its line, and so does one that was handed on; they are made once
 * `resume` is called. Else the text that was logged is kept, and the answer closed. The calls are put into the books. A customer of the
 * helpdesk waits for a person from then on.
 */
export async function recover(state: TurnsState, lapsedAt: number | null): Promise<void> {
  const { parts, node } = state;
  const found =
    lapsedAt === null
      ? (await parts.rows.takeOver(node, null, parts.runtime.now() + leaseMs)).map((turn) => ({
          turn,
          isLeft: false,
        }))
      : await seizeAll(state, await parts.rows.lapsed(node, lapsedAt), lapsedAt);
  await settleAll(state, found);
}

/** A turn that is this node's now. */
interface Found {
  turn: ActiveTurn;
  /** Whether it was handed on to whoever takes it. */
  isLeft: boolean;
}

/** Settles turns of this node that it does not know: it could not bring them to their end when it took them. */
export async function settleOrphans(state: TurnsState, turns: readonly ActiveTurn[]): Promise<void> {
  await settleAll(state, await seizeAll(state, turns));
}

async function seizeAll(
  state: TurnsState,
  turns: readonly ActiveTurn[],
  lapsedBefore?: number,
): Promise<Found[]> {
  const seized = await Promise.all(
    turns.map(async (seen): Promise<Found | undefined> => {
      state.settling.add(seen.id);
      const turn = await seize(state, seen, lapsedBefore).catch((err: unknown) => {
        state.parts.log.warn({ err, turnId: seen.id }, 'an answer could not be taken over');
        return undefined;
      });
      if (turn === undefined) state.settling.delete(seen.id);
      return turn && { turn, isLeft: seen.node === '' };
    }),
  );
  return seized.filter((each) => each !== undefined);
}

async function settleAll(state: TurnsState, found: readonly Found[]): Promise<void> {
  if (found.length === 0) return;
  const { parts, order, settling } = state;
  const conversations = Map.groupBy(found, ({ turn }) => turn.conversationId);
  const settled = await Promise.allSettled(
    conversations.entries().map(([id, turns]) => order.run(id, () => settle(state, turns))),
  );
  for (const { turn } of found) {
    settling.delete(turn.id);
    parts.feed.wake(turn.conversationId, turn.userId);
  }
  const failed = settled.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const again = found.filter(({ turn }) => state.active.has(turn.id)).length;
  const facts = { closed: found.length - again, madeAgain: again };
  parts.log.warn(
    facts,
    'answers that were cut off by a crash or a restart are closed as interrupted, or made again',
  );
}

/** The turns of one conversation. */
async function settle(state: TurnsState, found: readonly Found[]): Promise<void> {
  const { parts } = state;
  const cutOff = await Promise.all(
    found.map(async ({ turn, isLeft }): Promise<CutOff> => ({
      turn,
      isLeft,
      end: await cutOffEnd(parts, turn, interrupted),
    })),
  );
  const [first] = found;
  const conversation = first && (await parts.conversations.find(first.turn.conversationId));
  const isWithAi = conversation?.status === 'open' && conversation.agentType === 'ai';
  const isAgain = ({ turn, end, isLeft }: CutOff) =>
    isWithAi && end.content === '' && mayBegin((turn.origin as TurnOrigin).question, turn.fence, isLeft);
  const closed = cutOff.filter((each) => !isAgain(each));
  const ends = cutOff.map(({ end }) => end);
  if (closed.length > 0 && isWithAi && (await isHandedOver(state, conversation, ends))) return;
  await Promise.all(closed.map(({ end }) => closeFor(state, isWithAi ? end : leftToOthers(end))));
  if (!isWithAi) return;
  for (const each of cutOff.filter(isAgain)) await makeAgain(state, each, conversation);
}

/** Somebody else is in charge by now. */
function leftToOthers(end: TurnEnd): TurnEnd {
  const error = { errorCode: givenUpCode, errorText: givenUp.message };
  return { ...end, state: 'cancelled', questionStays: true, ...error };
}

async function makeAgain(
  state: TurnsState,
  { turn, end }: CutOff,
  conversation: Conversation,
): Promise<void> {
  const { rows, runtime } = state.parts;
  const { id, userId, channel, fence } = turn;
  const lease = { node: state.node, leaseUntil: runtime.now() + leaseMs };
  if (!(await rows.requeue({ id, userId, channel, fence, ...lease, call: end.call }))) {
    return closeFor(state, end);
  }
  await rejoin(state, turn, conversation);
  if (state.resumed) runWhenFirst(state, state.active.get(id));
}

/** Ends the answers and puts their conversation into the queue, in one unit. False, and nothing stored, where that cannot be. */
async function isHandedOver(
  state: TurnsState,
  conversation: Conversation,
  others: readonly TurnEnd[],
): Promise<boolean> {
  const [end] = others;
  const { parts } = state;
  if (end === undefined || !mayGiveUp(parts, end)) return false;
  try {
    return await changeOwner(state, conversation, waitingFor('interrupted'), { others });
  } catch (err) {
    const { id: conversationId } = conversation;
    parts.log.warn({ err, conversationId }, 'a conversation could not be handed over to a person');
    return false;
  }
}
