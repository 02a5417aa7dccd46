import type { TurnEnd } from '../../storage/turns.ts';
import { estimateTokens } from '../completions/estimate.ts';
import { ParleyError } from '../errors.ts';
import { citedIn } from '../knowledge/grounding.ts';
import type { Made } from './make-answer.ts';
import type { ActiveTurn, TurnsState } from './state.ts';
import { isMadeAgain, madeAgain } from './turn.ts';

/** Runs the turn if it is stored and the first of its conversation. */
export function runWhenFirst(state: TurnsState, turn: ActiveTurn | undefined): void {
  if (turn?.stored !== true || turn.running || turn.givenUp) return;
  if (state.line.in(turn.conversationId)[0] === turn) state.run(turn);
}

/** Forgets the turn, and lets the next in its conversation run. */
export function leave(state: TurnsState, turn: ActiveTurn): void {
  state.active.delete(turn.id);
  runWhenFirst(state, state.line.leave(turn));
  if (state.active.size > 0) return;
  for (const resolve of state.idle) resolve();
  state.idle.clear();
}

/** Tells those who follow the turn, or wait for it, how it has ended in the store. */
export async function tellEnd({ parts }: TurnsState, { id, live }: ActiveTurn): Promise<void> {
  try {
    const answer = await parts.messages.find(id);
    if (answer === undefined) throw new ParleyError('not_found', 'The conversation was removed.');
    live.end(answer);
  } catch (thrown) {
    live.lose(thrown);
  }
}

/** Forgets a turn that another node has; whoever follows it goes on to that one. */
export function loseTurn(state: TurnsState, turn: ActiveTurn): void {
  turn.live.lose(madeAgain());
  leave(state, turn);
}

/** Stores the end of a turn that nobody else ends, tells of it, and forgets the turn. Never rejects. */
export async function conclude(state: TurnsState, turn: ActiveTurn, end: TurnEnd): Promise<void> {
  const { parts, closing } = state;
  const { live } = turn;
  turn.closing = true;
  void live.seal();
  try {
    live.end(await closing.close(end));
  } catch (err) {
    live.lose(err);
    const gone = err instanceof ParleyError && err.code === 'not_found';
    if (!gone && !isMadeAgain(err))
      parts.log.error({ err, turnId: turn.id }, 'an answer could not be brought to its end');
  }
  // Before the turn is forgotten: who waits for that finds the watchers being told.
  parts.feed.wake(turn.conversationId, turn.caller.userId);
  leave(state, turn);
}

/** A vendor may cut a character in two, and an answer may break off between the halves: nobody has been shown the first. */
function wholeCharacters(text: string): string {
  return text.replace(/[\ud800-\udbff]$/, '');
}

/** The end of a turn, whose answer is `text`. To be asked for once: the call is counted with it. */
export function endOf({ parts }: TurnsState, turn: ActiveTurn, made: Made, text: string): TurnEnd {
  const { completions, runtime, dayOf } = parts;
  const at = runtime.now();
  const content = (made.state === 'completed' ? text : wholeCharacters(text)).toWellFormed();
  const usage = made.call?.end.usage;
  const row = made.call && completions.meter.row(made.call.origin, made.call.end);
  return {
    id: turn.id,
    conversationId: turn.conversationId,
    questionId: turn.questionId,
    userId: turn.caller.userId,
    channel: turn.channel,
    fence: turn.fence,
    state: made.state,
    content,
    tokens: usage?.completionTokens ?? estimateTokens(content),
    exchangeTokens: (usage?.promptTokens ?? 0) + (usage?.completionTokens ?? 0),
    estimated: usage?.estimated ?? true,
    model: made.call?.end.model.id ?? null,
    finishReason: made.reason,
    errorCode: made.error?.code ?? null,
    errorText: made.error?.message ?? null,
    citations: citedIn(content, made.sources),
    at,
    day: dayOf(at),
    countedModel: made.call?.end.model.id ?? turn.question.model ?? completions.defaultModel(),
    responseMs: Math.round(runtime.elapsed() - turn.began),
    call: row && { ...row, conversationId: turn.conversationId, messageId: turn.id },
  };
}
