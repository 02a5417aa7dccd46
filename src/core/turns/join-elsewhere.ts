import type { Conversation } from '../../storage/conversations.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import { storageFailureOf } from '../storage-failure.ts';
import type { Asking } from './begin-turn.ts';
import type { TurnOrigin } from './cut-off.ts';
import { join, joinableTurn } from './gathering.ts';
import { askNode, requests, turnsElsewhere } from './other-nodes.ts';
import type { TurnsState } from './state.ts';
import type { Question } from './turn.ts';

/** A question that is to join a turn of another node. */
interface JoinRequest {
  conversationId: number;
  turnId: number;
  questionId: number;
  question: Question;
  claim: Claim | undefined;
}

/** Lets the question join the conversation's last turn where another node makes it and gathers still; false where it did not, as far as is known. */
export async function joinElsewhere(
  state: TurnsState,
  asking: Asking,
  { id: conversationId }: Conversation,
): Promise<boolean> {
  const last = (await turnsElsewhere(state, conversationId)).at(-1);
  if (last === undefined || (last.origin as TurnOrigin).question.gathers !== true) return false;
  const { asked, question, offer } = asking;
  // Under this id it is stored once: by that node, or by this one.
  if (asked.questionId === 0) asked.questionId = await state.parts.messages.nextId();
  asked.turnId = last.id;
  offer.turnId = last.id;
  const body = {
    conversationId,
    turnId: last.id,
    questionId: asked.questionId,
    question,
    claim: asking.claim,
  };
  return (await askNode(state, last.node, requests.join, body satisfies JoinRequest)) === true;
}

/** Lets a question that came to another node join a turn of this one. */
export async function joinForAnother(state: TurnsState, body: unknown): Promise<boolean> {
  const { conversationId, turnId, questionId, question, claim } = body as JoinRequest;
  const gathering = joinableTurn(state, conversationId);
  if (state.draining || gathering?.turn.id !== turnId) return false;
  const asked = { conversationId, questionId, turnId };
  try {
    return await join(state, gathering, { question, asked, claim });
  } catch (err) {
    // It may be stored already.
    if (storageFailureOf(err)?.code === 'conflict') return false;
    throw err;
  }
}

/** Whether a question that could not be stored here was stored by a node that it was offered to. */
export async function wasJoined(
  { parts }: TurnsState,
  { offer, asked }: Asking,
  thrown: unknown,
): Promise<boolean> {
  if (offer.turnId === null || storageFailureOf(thrown)?.code !== 'conflict') return false;
  if ((await parts.messages.find(asked.questionId)) === undefined) return false;
  asked.turnId = offer.turnId;
  return true;
}
