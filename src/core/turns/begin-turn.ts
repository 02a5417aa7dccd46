import type { Conversation } from '../../storage/conversations.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import type { NewTurn, TurnState } from '../../storage/turns.ts';
import { estimateTokens } from '../completions/estimate.ts';
import { titleFor } from '../conversations/title.ts';
import { ParleyError } from '../errors.ts';
import type { Participant } from '../identity/caller.ts';
import { beginBurst } from './gathering.ts';
import { createLiveTurn } from './live-turn.ts';
import { interrupted } from './make-answer.ts';
import { leave, runWhenFirst } from './end-turn.ts';
import { waitingInConversation } from './refusals.ts';
import type { TurnOrigin } from './cut-off.ts';
import { leaseMs, type ActiveTurn, type KeptQuestion, type TurnsParts, type TurnsState } from './state.ts';
import type { Asked, Question } from './turn.ts';

/** A question whose ids are known, and what it is to be stored with. */
export interface Asking {
  caller: Participant;
  question: Question;
  /** The claim's result. */
  asked: Omit<Asked, 'repeated'>;
  claim: Claim | undefined;
  /** The turn of another node that it may have joined; null where it was offered to none. */
  offer: { turnId: number | null };
}

/** A conversation that begins with the question, and what must hold for it. */
type Beginning = Pick<Extract<NewTurn['conversation'], { kind: 'new' }>, 'userPlace' | 'mostOfUser'>;

/** Stores the question with the turn that answers it, and lets that run. Rejects as the store does. */
export async function beginTurn(
  state: TurnsState,
  { caller, question, asked, claim, offer }: Asking,
  place: Conversation | Beginning,
): Promise<void> {
  const { parts, line } = state;
  const conversation = 'channel' in place ? place : undefined;
  const { nextId } = parts.messages;
  const questionId = offer.turnId === null ? nextId() : asked.questionId;
  [asked.questionId, asked.turnId] = await Promise.all([questionId, nextId()]);
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
    turn.queued = (await store(state, turn, question, place, claim)) === 'queued';
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
  | 'live'
  | 'controller'
  | 'step'
  | 'call'
  | 'pause'
  | 'running'
  | 'made'
  | 'givenUp'
  | 'closing'
  | 'taken'
  | 'leaving'
>;

/** A turn that does not run yet. */
export function createActiveTurn({ rows, log, shared }: TurnsParts, facts: Facts): ActiveTurn {
  const { id: turnId, fence } = facts;
  const controller = new AbortController();
  const live = createLiveTurn({
    append: (start, delta) => rows.append(turnId, start, delta, fence),
    onTaken: () => giveWay(turn),
    isReadElsewhere: shared,
    onLogFailure(err) {
      log.error({ err, turnId }, 'the log of an answer could not be written; the answer is given up');
      const text = 'The answer could not be stored. Try again later.';
      controller.abort(new ParleyError('storage_failed', text, { retryable: true, cause: err }));
    },
  });
  const turn: ActiveTurn = {
    ...facts,
    live,
    controller,
    step: 'waiting',
    call: null,
    pause: null,
    running: false,
    made: Promise.withResolvers(),
    givenUp: false,
    closing: false,
    taken: false,
    leaving: false,
  };
  return turn;
}

/** Somebody else has the turn: the vendor’s work on it is broken off. */
export function giveWay(turn: ActiveTurn): void {
  turn.taken = true;
  turn.controller.abort(interrupted);
}

/** Without what may be long: it is in the store. */
function kept({ text: _text, parts: _parts, ...question }: Question): KeptQuestion {
  return question;
}

function store(
  { parts, node }: TurnsState,
  turn: ActiveTurn,
  question: Question,
  place: Conversation | Beginning,
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
      conversation: placeOf(parts, turn, question, place),
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
  place: Conversation | Beginning,
): NewTurn['conversation'] {
  if ('channel' in place) {
    const title = titleFor(place, text, parts);
    return { kind: 'existing', id, title, mostWaiting: waitingInConversation };
  }
  // Guests begin no conversation with a question: theirs is there before they are.
  const { userId } = caller as Exclude<Participant, { kind: 'guest' }>;
  const title = titleFor({ title: '' }, text, parts) ?? '';
  return { ...place, kind: 'new', id, key: runtime.token(16), title, customer: { userId } };
}
