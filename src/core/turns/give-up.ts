import type { TurnEnd } from '../../storage/turns.ts';
import { giveUpRow } from '../money/books.ts';
import { createChangeAlarm } from './alarm.ts';
import { conclude, endOf, leave, loseTurn, tellEnd } from './end-turn.ts';
import { givenUp, madeNothing, type Made } from './make-answer.ts';
import { askNode, requests, turnsElsewhere } from './other-nodes.ts';
import { seizedEnd } from './seize.ts';
import type { ActiveTurn, TurnsState } from './state.ts';
import { givenUpCode } from './turn.ts';

/** A turn, and how it ends. */
export interface Ending {
  turn: ActiveTurn;
  end: TurnEnd;
}

/** How often the turns of other nodes are looked for: while they are given up, more may begin. */
const mostRounds = 3;
/** Who has asked for the end of a turn has so long to store it; then its maker does. */
const verdictMs = 3_000;
const verdictPollMs = 500;

/** Silences turns of this node; resolves when it is known what they have cost, and those that were ending have ended. */
export async function giveUpHere(state: TurnsState, turns: readonly ActiveTurn[]): Promise<Ending[]> {
  const given = turns.filter(({ closing }) => !closing);
  const ending = turns.filter(({ closing }) => closing);
  const sealed = given.map((turn) => {
    turn.givenUp = true;
    const writing = turn.live.seal();
    turn.controller.abort(givenUp);
    return writing;
  });
  await Promise.allSettled([...sealed, ...ending.map(({ live }) => live.ended)]);
  return Promise.all(given.map((turn) => endingOf(state, turn)));
}

async function endingOf(state: TurnsState, turn: ActiveTurn): Promise<Ending> {
  const nothing = madeNothing(givenUp);
  const { call }: Made = turn.running ? await turn.made.promise : nothing;
  const end = endOf(state, turn, { ...nothing, call }, turn.live.shown());
  return { turn, end: { ...end, errorCode: givenUpCode } };
}

/** Silences the conversation's turns on other nodes, but for those in `known`; whoever cannot be reached is silenced by force. */
export async function giveUpElsewhere(
  state: TurnsState,
  conversationId: number,
  known: ReadonlySet<number>,
): Promise<TurnEnd[]> {
  const ends = new Map<number, TurnEnd>();
  for (let round = 0; round < mostRounds; round++) {
    const turns = (await turnsElsewhere(state, conversationId)).filter(
      ({ id }) => !known.has(id) && !ends.has(id),
    );
    if (turns.length === 0) break;
    const byNode = Map.groupBy(turns, ({ node }) => node);
    const rounds = [...byNode].map(async ([node, theirs]) => {
      const ids = theirs.map(({ id }) => id);
      const isOurs = node === state.node;
      const given = isOurs ? undefined : await askNode(state, node, requests.giveUp, { ids });
      if (given !== undefined) return given as TurnEnd[];
      const seized = await Promise.all(theirs.map((turn) => seizedEnd(state, turn, givenUp)));
      return seized.flatMap((end) => (end === undefined ? [] : { ...end, errorCode: givenUpCode }));
    });
    for (const end of (await Promise.all(rounds)).flat()) ends.set(end.id, end);
  }
  return [...ends.values()].toSorted((a, b) => a.id - b.id);
}

/** Silences turns for a node that changes who is in charge; it stores their ends with its change. */
export async function giveUpForAnother(state: TurnsState, ids: readonly number[]): Promise<TurnEnd[]> {
  const turns = ids.flatMap((id) => state.active.get(id) ?? []).filter(({ stored }) => stored);
  const given = turns.filter(({ closing }) => !closing);
  const giving = giveUpHere(state, turns);
  // Whoever gives them up here, too, waits for their end.
  for (const turn of given) turn.closing = true;
  const endings = await giving;
  for (const ending of endings) void awaitVerdict(state, ending);
  return endings.map(({ end }) => ({ ...end, call: end.call && plainCall(end.call) }));
}

/** Without what is set aside for it: that is given back here. */
function plainCall(call: NonNullable<TurnEnd['call']>): NonNullable<TurnEnd['call']> {
  const { reservation: _reservation, ...plain } = call as typeof call & { reservation?: unknown };
  return plain;
}

/** Tells those who follow the turn, once its end is stored by the node that asked for it; where that does not come, it is stored here. Never rejects. */
async function awaitVerdict(state: TurnsState, { turn, end }: Ending): Promise<void> {
  const { parts, node } = state;
  const { runtime, rows } = parts;
  const alarm = createChangeAlarm(parts, turn.conversationId);
  const until = runtime.elapsed() + verdictMs;
  try {
    for (let left = verdictMs; left > 0; left = until - runtime.elapsed()) {
      const stored = await rows.find(turn.id).catch(() => null);
      if (stored === undefined) {
        giveUpRow(end.call);
        await tellEnd(state, turn);
        parts.feed.wake(turn.conversationId, turn.caller.userId);
        return leave(state, turn);
      }
      if (stored !== null && stored.node !== node) {
        giveUpRow(end.call);
        return loseTurn(state, turn);
      }
      await alarm.wait(Math.min(left, verdictPollMs));
    }
  } finally {
    alarm.close();
  }
  await conclude(state, turn, end);
}
