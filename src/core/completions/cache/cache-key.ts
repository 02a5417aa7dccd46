import { hash } from 'node:crypto';
import type { OwnerKey } from '../../identity/caller.ts';
import { textOf, type Message } from '../messages.ts';
import type { ModelRequest } from '../provider.ts';

/** Where an answer is kept. Always made for one owner: there is no key without one. */
export interface CacheKey {
  owner: OwnerKey;
  /** Digest of everything that shapes the answer, the message included. */
  exact: string;
  /** Digest of everything but the message's text; null where the request has a history and only an exact match will do. */
  group: string | null;
  /** The message itself. */
  prompt: string;
  model: string;
}

/** The key of `request` for `owner`. `revision` is the provider's, see `Provider.revision`. */
export function cacheKeyOf(
  owner: OwnerKey,
  modelId: string,
  revision: string,
  request: ModelRequest,
): CacheKey {
  const { messages, temperature = null, maxTokens = null, extra = null } = request;
  const shape = [owner, modelId, revision, temperature, maxTokens, extra];
  const last = messages.at(-1);
  const prompt = last === undefined ? '' : textOf(last.content);
  return {
    owner,
    exact: digest([shape, messages]),
    group: isSingleQuestion(messages) ? digest([shape, messages.slice(0, -1), last?.extra ?? null]) : null,
    prompt,
    model: modelId,
  };
}

/** One plain-text user message, with nothing but system prompts before it. */
function isSingleQuestion(messages: Message[]): boolean {
  const last = messages.at(-1);
  if (last?.role !== 'user' || typeof last.content !== 'string') return false;
  return messages.slice(0, -1).every(({ role }) => role === 'system' || role === 'developer');
}

function digest(value: unknown): string {
  return hash('sha256', JSON.stringify(value), 'hex');
}
