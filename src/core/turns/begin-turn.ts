import type { Conversation } from '../../storage/conversations.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import { estimateTokens } from '../completions/estimate.ts';
import { titleOf, titleFor } from '../conversations/title.ts';
import { ParleyError } from '../errors.ts';
import type { Participant } from '../identity/caller.ts';
import { beginBurst } from './gathering.ts';
import { createLiveTurn } from './live-turn.ts';
import { interrupted } from './make-answer.ts';
import { leave, runWhenFirst } from './end-turn.ts';
import { leaseMs, type ActiveTurn, type TurnsParts, type TurnsState } from './state.ts';
import type { Asked, Question } from './turn.ts';

/** A question whose ids are known, and what it is to be stored with. */
export interface Asking {
  caller: Participant;
  question: Question;
  /** The claim's result. */
  asked: Omit<Asked, 'repeated'>;
  claim: Claim | undefined;
}

/** Stores the question with the turn that answers it, and lets that run. Rejects as the store does. */
export async function beginTurn(
  state: TurnsState,
  { caller, question, asked, claim }: Asking,
  conversation: Conversation | undefined,
): Promise<void> {
  const { parts, line } = state;
  asked.questionId = parts.messages.nextId();
  asked.turnId = parts.messages.nextId();
  const burst = question.gathers ? beginBurst(parts.runtime.elapsed()) : null;
  const turn: ActiveTurn = {
    id: asked.turnId,
    conversationId: asked.conversationId,
    questionId: asked.questionId,
    caller,
    question,
    channel: conversation?.channel ?? question.contract,
    systemPrompt: question.systemPrompt ?? conversation?.systemPrompt ?? null,
    ...createVoice(parts, asked.turnId),
    fence: 1,
    burst,
    step: 'waiting',
    call: null,
    pause: null,
    running: false,
    made: Promise.withResolvers(),
    givenUp: false,
    closing: false,
    began: parts.runtime.elapsed(),
    queued: burst !== null || line.in(asked.conversationId).length > 0,
    stored: false,
  };
  state.active.set(turn.id, turn);
  line.join(turn);
  try {
    await store(state, turn, conversation, claim);
  } catch (thrown) {
    // Who stops the conversation at this moment waits for its end.
    turn.live.lose(thrown);
    leave(state, turn);
    throw thrown;
  }
  turn.stored = true;
  parts.feed.wake(turn.conversationId, caller.userId);
  runWhenFirst(state, turn);
}

/** What the turn speaks through, and what silences it. */
function createVoice({ rows, log }: TurnsParts, turnId: number) {
  const controller = new AbortController();
  const live = createLiveTurn({
    append: (start, delta) => rows.append(turnId, start, delta),
    onTaken: () => controller.abort(interrupted),
    onLogFailure(err) {
      log.error({ err, turnId }, 'the log of an answer could not be written; the answer is given up');
      const text = 'The answer could not be stored. Try again later.';
      controller.abort(new ParleyError('storage_failed', text, { retryable: true, cause: err }));
    },
  });
  return { live, controller };
}

function store(
  { parts, node }: TurnsState,
  turn: ActiveTurn,
  conversation: Conversation | undefined,
  claim: Claim | undefined,
): Promise<void> {
  const { runtime, dayOf, completions, catalogue } = parts;
  const { question, caller } = turn;
  const at = runtime.now();
  const model = question.model ?? completions.defaultModel();
  return parts.rows.begin(
    {
      conversation: placeOf(parts, turn, conversation),
      userId: caller.userId,
      channel: turn.channel,
      systemPrompt: question.systemPrompt,
      questionId: turn.questionId,
      question: question.text,
      questionTokens: estimateTokens(question.text),
      id: turn.id,
      state: turn.queued ? 'queued' : 'running',
      node,
      leaseUntil: at + leaseMs,
      at,
      day: dayOf(at),
      origin: {
        caller,
        question: { ...question, text: '', model },
        provider: catalogue.get(model)?.provider,
      },
    },
    claim,
  );
}

function placeOf(
  { runtime }: TurnsParts,
  { caller, question, conversationId: id }: ActiveTurn,
  conversation: Conversation | undefined,
) {
  const { text } = question;
  if (conversation !== undefined)
    return { kind: 'existing', id, title: titleFor(conversation, text) } as const;
  // Guests begin no conversation with a question: theirs is there before they are.
  const { userId } = caller as Exclude<Participant, { kind: 'guest' }>;
  return { kind: 'new', id, key: runtime.token(16), title: titleOf(text), customer: { userId } } as const;
}
