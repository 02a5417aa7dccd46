import type { Conversation } from '../../storage/conversations.ts';
import type { ActiveTurn, TurnEnd } from '../../storage/turns.ts';
import { discoveredModel } from '../completions/catalogue.ts';
import { estimateTokens } from '../completions/estimate.ts';
import { ParleyError } from '../errors.ts';
import type { Participant } from '../identity/caller.ts';
import { mayGiveUp, waitingFor } from './hand-over.ts';
import { mayBegin, rejoin } from './left-to-next.ts';
import { contextOf, givenUp, interrupted } from './make-answer.ts';
import { leaseMs, type KeptQuestion, type TurnsParts, type TurnsState } from './state.ts';
import { givenUpCode, isMadeAgain } from './turn.ts';

/** What a turn's row says for whoever must close it, or make its answer. */
export interface TurnOrigin {
  caller: Participant;
  question: KeptQuestion & { model: string };
  /** Of the model; empty where nobody knows it. */
  provider: string;
}

/** A turn that was cut off, and how it ends if nobody makes its answer. */
interface CutOff {
  turn: ActiveTurn;
  end: TurnEnd;
}

/**
 * Settles what processes that are gone left behind: turns of others whose lease ended before `lapsedAt`, or all of them where that is null. An
 * answer that nobody waits for and that has said nothing goes back into its line, and is made once `resume` is called; else the text
 * that was logged is kept, and the answer closed. The calls are put into the books. A customer of the helpdesk waits for a person from then on.
 */
export async function recover(state: TurnsState, lapsedAt: number | null): Promise<void> {
  const { parts, node, order } = state;
  const left = await parts.rows.takeOver(node, lapsedAt, parts.runtime.now() + leaseMs);
  if (left.length === 0) return;
  const conversations = Map.groupBy(left, ({ conversationId }) => conversationId);
  await Promise.all(conversations.entries().map(([id, turns]) => order.run(id, () => settle(state, turns))));
  for (const turn of left) parts.feed.wake(turn.conversationId, turn.userId);
  const again = left.filter(({ id }) => state.active.has(id)).length;
  const facts = { closed: left.length - again, madeAgain: again };
  parts.log.warn(
    facts,
    'answers that were cut off by a crash or a restart are closed as interrupted, or made again',
  );
}

/** The turns of one conversation. */
async function settle(state: TurnsState, turns: readonly ActiveTurn[]): Promise<void> {
  const { parts } = state;
  const cutOff = await Promise.all(
    turns.map(async (turn): Promise<CutOff> => ({ turn, end: await interruptedEnd(parts, turn) })),
  );
  const [first] = turns;
  const conversation = first && (await parts.conversations.find(first.conversationId));
  const isWithAi = conversation?.status === 'open' && conversation.agentType === 'ai';
  const isAgain = ({ turn, end }: CutOff) =>
    isWithAi && end.content === '' && mayBegin((turn.origin as TurnOrigin).question, turn.fence);
  const closed = cutOff.filter((each) => !isAgain(each));
  const ends = cutOff.map(({ end }) => end);
  if (closed.length > 0 && isWithAi && (await isHandedOver(parts, conversation, ends))) return;
  await Promise.all(closed.map(({ end }) => close(state, isWithAi ? end : leftToOthers(end))));
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
  if (await rows.requeue({ id, userId, channel, fence, ...lease, call: end.call }))
    rejoin(state, turn, conversation);
  else await close(state, end);
}

async function close({ closing }: TurnsState, end: TurnEnd): Promise<void> {
  try {
    await closing.close(end);
  } catch (thrown) {
    const isGone = thrown instanceof ParleyError && thrown.code === 'not_found';
    // Removed, or taken over by another node, meanwhile.
    if (!isGone && !isMadeAgain(thrown)) throw thrown;
  }
}

/** Ends the answers and puts their conversation into the queue, in one unit. False, and nothing stored, where that cannot be. */
async function isHandedOver(
  parts: TurnsParts,
  { id: conversationId, ownerFence: fence }: Conversation,
  ends: readonly TurnEnd[],
): Promise<boolean> {
  const [end] = ends;
  if (end === undefined || !mayGiveUp(parts, end)) return false;
  const { at, day } = end;
  const owner = { ...waitingFor('interrupted'), formerAssigneeId: null };
  try {
    return await parts.ownership.change({ ...owner, conversationId, fence, at, day, ends });
  } catch (err) {
    parts.log.warn({ err, conversationId }, 'a conversation could not be handed over to a person');
    return false;
  }
}

async function interruptedEnd(parts: TurnsParts, turn: ActiveTurn): Promise<TurnEnd> {
  const at = parts.runtime.now();
  const content = await parts.rows.textOf(turn.id);
  const called = turn.state === 'running' ? await lostCall(parts, turn, content) : null;
  const usage = called?.usage;
  return {
    id: turn.id,
    conversationId: turn.conversationId,
    questionId: turn.questionId,
    userId: turn.userId,
    channel: turn.channel,
    fence: turn.fence,
    state: 'interrupted',
    content,
    tokens: estimateTokens(content),
    exchangeTokens: (usage?.promptTokens ?? 0) + (usage?.completionTokens ?? 0),
    estimated: true,
    model: called?.row.model ?? null,
    finishReason: null,
    errorCode: interrupted.code,
    errorText: interrupted.message,
    citations: null,
    at,
    day: parts.dayOf(at),
    countedModel: called?.row.model ?? (turn.origin as TurnOrigin).question.model,
    responseMs: Math.max(0, at - turn.beganAt),
    call: called && { ...called.row, conversationId: turn.conversationId, messageId: turn.id },
  };
}

/** The call to a model that was running, or was about to: its vendor will bill what it had said. */
async function lostCall(parts: TurnsParts, turn: ActiveTurn, text: string) {
  const { caller, question, provider } = turn.origin as TurnOrigin;
  // Nobody has been asked yet which models there are besides the listed ones.
  const model = parts.catalogue.get(question.model) ?? discoveredModel(provider, question.model);
  const usage = {
    promptTokens: await promptTokensOf(parts, turn, question),
    completionTokens: estimateTokens(text),
    estimated: true,
  };
  const origin = { ...question, caller, requestedModel: question.model, streamed: true };
  const row = parts.completions.meter.row(origin, {
    model,
    outcome: 'failure',
    errorCode: interrupted.code,
    usage,
    // Nobody knows when it was cut off.
    durationMs: 0,
    firstTokenMs: null,
    attempts: 1,
  });
  return { row, usage };
}

async function promptTokensOf(parts: TurnsParts, turn: ActiveTurn, question: KeptQuestion): Promise<number> {
  const { conversationId, questionId } = turn;
  try {
    const { systemPrompt = null } = (await parts.conversations.find(conversationId)) ?? {};
    const work = { question, questionId, conversationId, systemPrompt, channel: turn.channel };
    const context = await contextOf(parts, work);
    return context.promptTokens;
  } catch {
    // The configuration has changed since: the question is what is known for certain.
    return (await parts.messages.find(questionId))?.tokens ?? 0;
  }
}
