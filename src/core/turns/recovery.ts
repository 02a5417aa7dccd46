import type { ActiveTurn, TurnEnd } from '../../storage/turns.ts';
import { discoveredModel } from '../completions/catalogue.ts';
import { estimateTokens } from '../completions/estimate.ts';
import type { Participant } from '../identity/caller.ts';
import type { Closing } from './closing.ts';
import { mayGiveUp, waitingFor } from './hand-over.ts';
import { contextOf, interrupted } from './make-answer.ts';
import { leaseMs, type TurnsParts } from './state.ts';
import type { Question } from './turn.ts';

/** What a turn's row says for whoever must close it. */
export interface TurnOrigin {
  caller: Participant;
  /** Without its text, which is a message. */
  question: Question & { model: string };
  /** Of the model. */
  provider: string;
}

/**
 * Closes what processes that are gone left behind: the text that was logged is kept, the call is put into the books. A customer of the
 * helpdesk waits for a person from then on.
 */
export async function recover(parts: TurnsParts, closing: Closing, node: string): Promise<void> {
  const now = parts.runtime.now();
  // This store has one server: whatever is active was another process's, and that is gone.
  const left = await parts.rows.takeOver(node, null, now + leaseMs);
  const conversations = Map.groupBy(left, ({ conversationId }) => conversationId);
  await Promise.all(conversations.values().map((turns) => close(parts, closing, turns)));
  for (const turn of left) parts.feed.wake(turn.conversationId, turn.userId);
  if (left.length > 0) {
    parts.log.warn({ turns: left.length }, 'answers that were cut off by a crash are closed as interrupted');
  }
}

async function close(parts: TurnsParts, closing: Closing, turns: readonly ActiveTurn[]): Promise<void> {
  const ends = await Promise.all(turns.map((turn) => interruptedEnd(parts, turn)));
  if (await isHandedOver(parts, ends)) return;
  await Promise.all(ends.map((end) => closing.close(end)));
}

/** Ends the answers and puts their conversation into the queue, in one unit. False, and nothing stored, where that cannot be. */
async function isHandedOver(parts: TurnsParts, ends: readonly TurnEnd[]): Promise<boolean> {
  const [end] = ends;
  if (end === undefined || !mayGiveUp(parts, end)) return false;
  const { conversationId, at, day } = end;
  const conversation = await parts.conversations.find(conversationId);
  if (conversation?.status !== 'open' || conversation.agentType !== 'ai') return false;
  const { ownerFence: fence } = conversation;
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

async function promptTokensOf(parts: TurnsParts, turn: ActiveTurn, question: Question): Promise<number> {
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
