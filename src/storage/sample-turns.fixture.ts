import type { Claim } from './idempotency-keys.ts';
import type { Storage } from './storage.ts';
import type { NewTurn, TurnEnd } from './turns.ts';

/** A question of user 7 that begins a conversation, unless `changes` say otherwise. With the user null, it is guest `g-1`. */
export async function newTurn(
  { conversations, messages }: Storage,
  changes: Partial<NewTurn> = {},
): Promise<NewTurn> {
  const started = changes.conversation === undefined ? await conversations.nextId() : 0;
  const { userId = 7 } = changes;
  const customer = userId === null ? { guestId: 'g-1' } : { userId };
  return {
    conversation: { kind: 'new', id: started, key: `key-${started}`, title: 'What is it?', customer },
    userId,
    channel: 'assistant',
    systemPrompt: undefined,
    questionId: await messages.nextId(),
    question: 'What is it?',
    questionTokens: 4,
    id: await messages.nextId(),
    state: 'running',
    node: 'node-1',
    leaseUntil: 5000,
    at: 1000,
    day: '2026-09-21',
    countedModel: 'gpt-4o',
    origin: { model: 'gpt-4o' },
    ...changes,
  };
}

/** The completed end of `turn`. */
export function endOf(turn: NewTurn, changes: Partial<TurnEnd> = {}): TurnEnd {
  return {
    id: turn.id,
    conversationId: turn.conversation.id,
    questionId: turn.questionId,
    userId: turn.userId,
    channel: turn.channel,
    fence: 1,
    state: 'completed',
    content: 'It is this.',
    tokens: 5,
    exchangeTokens: 9,
    estimated: false,
    model: 'gpt-4o-mini',
    finishReason: 'stop',
    errorCode: null,
    errorText: null,
    citations: null,
    at: 2000,
    day: turn.day,
    countedModel: 'gpt-4o-mini',
    responseMs: 1000,
    call: null,
    ...changes,
  };
}

export function newClaim(changes: Partial<Claim> = {}): Claim {
  return {
    owner: 'user:7',
    key: 'key-1',
    fingerprint: 'f-1',
    result: { turnId: 2 },
    expiresAt: 9000,
    ...changes,
  };
}
