import type { Conversation } from '../../storage/conversations.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import type { TurnState } from '../../storage/turns.ts';
import { estimateTokens } from '../completions/estimate.ts';
import { titleFor } from '../conversations/title.ts';
import { ParleyError } from '../errors.ts';
import type { Participant } from '../identity/caller.ts';
import { beginBurst } from './gathering.ts';
import { createLiveTurn } from './live-turn.ts';
import { interrupted } from './make-answer.ts';
import { leave, runWhenFirst } from './end-turn.ts';
import type { TurnOrigin } from './recovery.ts';
import { leaseMs, type ActiveTurn, type KeptQuestion, type TurnsParts, type TurnsState } from './state.ts';
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
  [asked.questionId, asked.turnId] = await Promise.all([parts.messages.nextId(), parts.messages.nextId()]);
  const burst = question.gathers ? beginBurst(parts.runtime.elapsed()) : null;
  const turn = createActiveTurn(parts, {
    id: asked.turnId,
    conversationId: asked.conversationId,
    questionId: asked.questionId,
    caller,
    question: kept(question),
    channel: conversation?.channel ?? question.contract,
    systemPrompt: question.systemPrompt ?? conversation?.systemPrompt ?? null,
    fence: 1,
    burst,
    began: parts.runtime.elapsed(),
    // Also where an earlier turn of the conversation has not ended: the store says so.
    queued: burst !== null,
    stored: false,
  });
  state.active.set(turn.id, turn);
  line.join(turn);
  try {
    turn.queued = (await store(state, turn, question, conversation, claim)) === 'queued';
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

/** What is known of a turn before it runs. */
type Facts = Omit<
  ActiveTurn,
  'live' | 'controller' | 'step' | 'call' | 'pause' | 'running' | 'made' | 'givenUp' | 'closing'
>;

/** A turn that does not run yet. */
export function createActiveTurn(parts: TurnsParts, facts: Facts): ActiveTurn {
  return {
    ...facts,
    ...createVoice(parts, facts),
    step: 'waiting',
    call: null,
    pause: null,
    running: false,
    made: Promise.withResolvers(),
    givenUp: false,
    closing: false,
  };
}

/** Without what may be long: it is in the store. */
function kept({ text: _text, parts: _parts, ...question }: Question): KeptQuestion {
  return question;
}

/** What the turn speaks through, and what silences it. */
function createVoice({ rows, log }: TurnsParts, { id: turnId, fence }: Facts) {
  const controller = new AbortController();
  const live = createLiveTurn({
    append: (start, delta) => rows.append(turnId, start, delta, fence),
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
  question: Question,
  conversation: Conversation | undefined,
  claim: Claim | undefined,
): Promise<TurnState> {
  const { runtime, dayOf, completions, catalogue } = parts;
  const { caller } = turn;
  const at = runtime.now();
  const model = question.model ?? completions.defaultModel();
  const provider = catalogue.get(model)?.provider ?? '';
  const origin: TurnOrigin = { caller, question: { ...turn.question, model }, provider };
  return parts.rows.begin(
    {
      conversation: placeOf(parts, turn, question, conversation),
      userId: caller.userId,
      channel: turn.channel,
      systemPrompt: question.systemPrompt,
      questionId: turn.questionId,
      question: question.text,
      parts: question.parts,
      questionTokens: estimateTokens(question.text),
      id: turn.id,
      state: turn.queued ? 'queued' : 'running',
      node,
      leaseUntil: at + leaseMs,
      at,
      day: dayOf(at),
      countedModel: model,
      origin,
    },
    claim,
  );
}

function placeOf(
  { runtime }: TurnsParts,
  { caller, conversationId: id }: ActiveTurn,
  { text, parts }: Question,
  conversation: Conversation | undefined,
) {
  const title = titleFor(conversation ?? { title: '' }, text, parts);
  if (conversation !== undefined) return { kind: 'existing', id, title } as const;
  // Guests begin no conversation with a question: theirs is there before they are.
  const { userId } = caller as Exclude<Participant, { kind: 'guest' }>;
  return { kind: 'new', id, key: runtime.token(16), title: title ?? '', customer: { userId } } as const;
}
