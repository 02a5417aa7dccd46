import type { Conversation } from '../../storage/conversations.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import { estimateTokens } from '../completions/estimate.ts';
import { assembleContext } from '../conversations/context.ts';
import { noSuchConversation, ownConversation } from '../conversations/own.ts';
import { titleOf } from '../conversations/title.ts';
import { ParleyError } from '../errors.ts';
import type { UserCaller } from '../identity/caller.ts';
import { storageFailureOf } from '../storage-failure.ts';
import { createLiveTurn } from './live-turn.ts';
import { interrupted, roomFor } from './make-answer.ts';
import { leave, runWhenFirst } from './run.ts';
import { leaseMs, type ActiveTurn, type TurnsParts, type TurnsState } from './state.ts';
import type { Asked, Question } from './turn.ts';

/** Questions of one conversation that may wait for the answers before them. */
const waitingInConversation = 20;

/** See `Turns.ask`. */
export function ask(state: TurnsState, caller: UserCaller, question: Question): Promise<Asked> {
  if (question.place.kind !== 'current') return place(state, caller, question);
  return state.placing.run(caller.userId, () => place(state, caller, question));
}

async function place(state: TurnsState, caller: UserCaller, question: Question): Promise<Asked> {
  const { parts } = state;
  const conversation = await conversationFor(parts, caller, question);
  // Filled where nothing stands in the way, so that repeats and refusals use up no ids; the claim shares this object.
  const asked = { conversationId: conversation?.id ?? 0, questionId: 0, turnId: 0 };
  return parts.idempotency.once<Asked>(
    `user:${caller.userId}`,
    question.idempotency,
    asked,
    async (claim) => {
      await begin(state, caller, question, conversation, asked, claim);
      return { ...asked, repeated: false };
    },
    (earlier) => Promise.resolve({ ...(earlier as typeof asked), repeated: true }),
  );
}

/** The conversation that the question continues; undefined where it begins one. */
async function conversationFor(
  parts: TurnsParts,
  caller: UserCaller,
  question: Question,
): Promise<Conversation | undefined> {
  const { place, contract } = question;
  if (place.kind === 'existing') return ownConversation(parts.conversations, caller, place.id);
  if (place.kind === 'new') return undefined;
  const newest = await parts.conversations.newestOf(caller.userId, contract);
  const isCurrent = newest !== undefined && newest.lastMessageAt >= parts.runtime.now() - parts.idleMs;
  return isCurrent ? newest : undefined;
}

async function begin(
  state: TurnsState,
  caller: UserCaller,
  question: Question,
  conversation: Conversation | undefined,
  asked: Omit<Asked, 'repeated'>,
  claim: Claim | undefined,
): Promise<void> {
  const { parts, line } = state;
  if (conversation === undefined) await refuseOverQuota(parts, caller);
  const systemPrompt = question.systemPrompt ?? conversation?.systemPrompt ?? null;
  const tokens = estimateTokens(question.text);
  refuseWhatDoesNotFit(parts, question, systemPrompt, tokens);
  refuseUnderLoad(state, asked.conversationId);
  if (conversation === undefined) asked.conversationId = parts.conversations.nextId();
  asked.questionId = parts.messages.nextId();
  asked.turnId = parts.messages.nextId();
  const turn: ActiveTurn = {
    id: asked.turnId,
    conversationId: asked.conversationId,
    questionId: asked.questionId,
    caller,
    question,
    channel: conversation?.channel ?? question.contract,
    systemPrompt,
    ...createVoice(parts, asked.turnId),
    began: parts.runtime.elapsed(),
    queued: line.in(asked.conversationId).length > 0,
    stored: false,
  };
  state.active.set(turn.id, turn);
  line.join(turn);
  try {
    await store(state, turn, conversation, tokens, claim);
  } catch (thrown) {
    // Who stops the conversation at this moment waits for its end.
    turn.live.lose(thrown);
    leave(state, turn);
    throw refusalOf(thrown);
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
  questionTokens: number,
  claim: Claim | undefined,
): Promise<void> {
  const { runtime, dayOf, completions, catalogue } = parts;
  const { question, caller } = turn;
  const at = runtime.now();
  const model = question.model ?? completions.defaultModel();
  return parts.rows.begin(
    {
      conversation:
        conversation === undefined
          ? { kind: 'new', id: turn.conversationId, key: runtime.token(16), title: titleOf(question.text) }
          : { kind: 'existing', id: conversation.id },
      userId: caller.userId,
      channel: turn.channel,
      systemPrompt: question.systemPrompt,
      questionId: turn.questionId,
      question: question.text,
      questionTokens,
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

async function refuseOverQuota({ conversations, conversationsPerUser }: TurnsParts, { userId }: UserCaller) {
  if ((await conversations.countOf(userId)) < conversationsPerUser) return;
  throw new ParleyError(
    'quota_exceeded',
    `You have ${conversationsPerUser} conversations, which is all that you may have. Delete some to begin new ones.`,
  );
}

/** Throws as `Router.plan` and `assembleContext` do, before anything is stored. */
function refuseWhatDoesNotFit(
  { completions }: TurnsParts,
  question: Question,
  systemPrompt: string | null,
  tokens: number,
): void {
  const room = roomFor(completions, question);
  assembleContext({ ...room, systemPrompt, history: [], question: { content: question.text, tokens } });
}

function refuseUnderLoad({ parts, active, line, draining }: TurnsState, conversationId: number): void {
  if (draining) throw overloaded('The server is shutting down. Try again in a moment.', 2_000);
  if (active.size >= parts.atOnce) {
    throw overloaded(
      `${parts.atOnce} answers are being made, which is all that this server can. Try again soon.`,
      1_000,
    );
  }
  if (line.in(conversationId).length > waitingInConversation) {
    throw overloaded('Too many questions wait in this conversation. Wait for their answers.', 1_000);
  }
}

function overloaded(text: string, retryAfterMs: number): ParleyError {
  return new ParleyError('overloaded', text, { retryable: true, retryAfterMs });
}

/** What the store says where the conversation was removed meanwhile; anything else as it is. */
function refusalOf(thrown: unknown): unknown {
  const failure = storageFailureOf(thrown);
  const isRefused = failure?.code === 'conflict' && failure.constraint === undefined;
  return isRefused ? noSuchConversation() : thrown;
}
