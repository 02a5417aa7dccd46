import type { NewApiCall } from './api-calls.ts';
import type { NewApiKeyRow } from './api-keys.ts';
import type { NewCacheEntry } from './cache-entries.ts';
import type { NewLogin } from './logins.ts';
import type { NewUser } from './users.ts';

export function newCall(changes: Partial<NewApiCall> = {}): NewApiCall {
  return {
    at: 1_790_000_000_000,
    day: '2026-09-21',
    contract: 'gateway',
    endpoint: '/api/v1/chat/completion',
    owner: 'key:7',
    userId: null,
    apiKeyId: 7,
    conversationId: null,
    messageId: null,
    requestedModel: 'gpt-4o',
    model: 'gpt-4o-mini',
    provider: 'openai',
    outcome: 'success',
    statusCode: 200,
    errorCode: null,
    promptTokens: 120,
    completionTokens: 40,
    cachedPromptTokens: 16,
    estimated: false,
    costNano: 42_000,
    currency: 'USD',
    durationMs: 812,
    firstTokenMs: 210,
    attempts: 1,
    streamed: true,
    clientIp: '127.0.0.1',
    requestId: 'req_1',
    ...changes,
  };
}

export function newKey(changes: Partial<NewApiKeyRow> = {}): NewApiKeyRow {
  return {
    name: 'laptop',
    prefix: 'pk_abc',
    hash: 'hash-1',
    scopes: 'completions,cache',
    requestsPerMinute: null,
    expiresAt: null,
    budget: null,
    createdAt: 1000,
    ...changes,
  };
}

export function newUser(changes: Partial<NewUser> = {}): NewUser {
  return {
    username: 'Ada',
    email: 'Ada@Example.com',
    fullName: 'Ada Lovelace',
    passwordHash: 'argon2…',
    role: 'user',
    status: 'active',
    createdAt: 1000,
    updatedAt: 1000,
    ...changes,
  };
}

/** What an account has besides when it is new. */
export const newUserRest = { nickname: null, phone: null, avatarUrl: null, lastLoginAt: null, budget: null };

export function newLogin(changes: Partial<NewLogin> = {}): NewLogin {
  return {
    userId: 1,
    contract: 'assistant',
    createdAt: 2000,
    expiresAt: 9000,
    refreshHash: 'refresh-1',
    ip: '192.0.2.1',
    ...changes,
  };
}

export function newEntry(changes: Partial<NewCacheEntry> = {}): NewCacheEntry {
  return {
    exactKey: 'exact-1',
    groupKey: 'group-1',
    owner: 'key:7',
    model: 'gpt-4o',
    prompt: 'How are you? 你好吗？',
    answer: '{"text":"fine"}',
    embedding: new Uint8Array([1, 2, 255]),
    bytes: 600,
    createdAt: 1000,
    expiresAt: 9000,
    lastUsedAt: 1000,
    ...changes,
  };
}
