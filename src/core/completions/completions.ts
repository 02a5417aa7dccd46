import type { Citation } from '../../storage/messages.ts';
import { ParleyError } from '../errors.ts';
import { ownerOf, type Caller, type OwnerKey } from '../identity/caller.ts';
import type { Log } from '../log.ts';
import type { Budgets } from '../money/budgets.ts';
import { asksToThink, estimateRequest } from '../money/call-estimate.ts';
import type { Runtime } from '../runtime.ts';
import { cacheKeyOf, type CacheKey } from './cache/cache-key.ts';
import type { CacheHit, CachedAnswer, ResponseCache } from './cache/response-cache.ts';
import type { Message } from './messages.ts';
import { needsOf, type Needs } from './needs.ts';
import type { CallOrigin, CallSubject, Meter } from './meter.ts';
import type { FinishReason, ModelRequest, Usage } from './provider.ts';
import type { Candidate, Router } from './router.ts';

/** What a caller wants completed. */
export interface CompletionInput {
  contract: string;
  endpoint: string;
  requestId: string;
  /** A model id or alias; the configured default where it is left out. */
  model?: string | undefined;
  messages: Message[];
  /**
   * Of a question in a conversation: what the model must be able to do for it. Images and videos before the last message become text where they cannot be
   * taken. Where left out, whatever any message asks for is needed.
   */
  needs?: Needs | undefined;
  temperature?: number | undefined;
  maxTokens?: number | undefined;
  /** See `ModelRequest.extra`. */
  extra?: Record<string, unknown> | undefined;
  /** See `ModelRequest.wire`; what it says stands in the other fields too, for providers with a wire format of their own. */
  wire?: Record<string, unknown> | undefined;
  /** The conversation and message that it is for, for the books; they must be the caller's. */
  about?: CallSubject | undefined;
  /** Null where the door does not use the cache at all. */
  cache: CachePolicy | null;
}

/** What a request allows the cache to do. */
export interface CachePolicy {
  read: boolean;
  write: boolean;
}

export type CacheStatus = 'HIT' | 'MISS' | 'BYPASS';

/** How the cache took part in an answer. */
export interface CacheReport {
  status: CacheStatus;
  /** The exact key; null where the door does not use the cache. */
  key: string | null;
  /** 1 for an exact hit, the cosine for a similar one, null otherwise. */
  similarity: number | null;
}

export interface Completion {
  text: string;
  extra: Record<string, unknown> | undefined;
  /** The model that really answered. */
  model: string;
  reason: FinishReason;
  usage: Usage;
  cache: CacheReport;
  /** Whether the cache holds the answer for the next time. */
  kept: boolean;
  /** See `Answer.wire`. */
  wire?: Record<string, unknown> | undefined;
}

/** A streamed answer: one `start`, deltas, one `finish`. Failures are thrown. */
export type CompletionEvent =
  | { type: 'start'; cache: CacheReport }
  | { type: 'text-delta'; text: string; model: string }
  | { type: 'extra-delta'; delta: Record<string, unknown>; model: string }
  /** See `ProviderEvent`; only where the input has `wire`. */
  | { type: 'wire-chunk'; chunk: string; text: string; model: string }
  /** `citations`: of a model that looks into the knowledge base by itself. */
  | { type: 'finish'; reason: FinishReason; usage: Usage; model: string; citations?: Citation[] };

export interface CompletionsParts {
  router: Router;
  cache: ResponseCache;
  meter: Meter;
  budgets: Pick<Budgets, 'reserve' | 'check'>;
  runtime: Runtime;
  log: Log;
  /** The model for requests that name none. */
  defaultModel: () => string;
  /** Whether cached answers belong to the caller alone or to all callers. */
  cacheScope: 'caller' | 'shared';
}

/** A completion on its way: what both the whole and the streamed path begin with. */
export interface Preparation {
  origin: CallOrigin;
  began: number;
  candidates: [Candidate, ...Candidate[]];
  request: ModelRequest;
  /** Whether the messages before the last are what was said in a conversation, of which `CompletionInput.needs` does not speak. */
  isConversation: boolean;
  policy: CachePolicy;
  key: CacheKey | null;
  hit: CacheHit | null;
  report: CacheReport;
}

/**
 * Chooses the models, looks into the cache, and sets aside what the call may cost where a model is to be called: whoever calls it settles the
 * call, or releases the reservation. Throws `model_not_found` and `provider_failed` as `Router.plan` does, `budget_exceeded`.
 */
export async function prepare(
  parts: CompletionsParts,
  caller: Caller,
  input: CompletionInput,
  streamed: boolean,
): Promise<Preparation> {
  const began = parts.runtime.elapsed();
  const requestedModel = input.model ?? parts.defaultModel();
  const candidates = parts.router.plan(requestedModel, input.needs ?? needsOf(input.messages)) as [
    Candidate,
    ...Candidate[],
  ];
  const [{ model, slot }] = candidates;
  const request = requestOf(input);
  const policy = input.cache ?? { read: false, write: false };
  const owner = cacheOwnerOf(parts, caller);
  const key = input.cache && cacheKeyOf(owner, model.id, slot.provider.revision?.() ?? '', request);
  const hit = key !== null && policy.read ? await parts.cache.lookup(key) : null;
  const bypassed = !policy.read || !policy.write;
  const status = hit !== null ? 'HIT' : bypassed ? 'BYPASS' : 'MISS';
  const reserving =
    hit === null
      ? parts.budgets.reserve(caller, () => estimateRequest(model, request, parts.runtime.now()))
      : null;
  const reservation = reserving && (await reserving);
  return {
    origin: {
      caller,
      contract: input.contract,
      endpoint: input.endpoint,
      requestId: input.requestId,
      requestedModel,
      streamed,
      about: input.about,
      thinks: asksToThink(request),
      reservation,
    },
    began,
    candidates,
    request,
    isConversation: input.needs !== undefined,
    policy,
    key,
    hit,
    report: { status, key: key?.exact ?? null, similarity: hit?.similarity ?? null },
  };
}

/** Whose answers a caller is given from the cache, and adds to. */
export function cacheOwnerOf({ cacheScope }: Pick<CompletionsParts, 'cacheScope'>, caller: Caller): OwnerKey {
  return cacheScope === 'shared' ? ('shared' as OwnerKey) : ownerOf(caller);
}

function requestOf(input: CompletionInput): ModelRequest {
  const request: ModelRequest = { model: '', messages: input.messages };
  if (input.temperature !== undefined) request.temperature = input.temperature;
  if (input.maxTokens !== undefined) request.maxTokens = input.maxTokens;
  if (input.extra !== undefined) request.extra = input.extra;
  if (input.wire !== undefined) request.wire = input.wire;
  return request;
}

/**
 * Keeps an answer for the next time, unless it came from a fallback (it would stand under the wrong model), was not
 * allowed to, or is more than text; true where it is kept. To be called when the call is in the books: an answer that
 * is withheld must not come back as a hit.
 */
export function remember(
  parts: CompletionsParts,
  preparation: Preparation,
  answeredBy: Candidate,
  answer: CachedAnswer & { extra: Record<string, unknown> | undefined },
): boolean {
  const whole = answer.reason === 'stop' || answer.reason === 'length';
  const { key, policy } = preparation;
  if (key === null || !policy.write || answeredBy !== preparation.candidates[0] || !whole) return false;
  if (answer.extra !== undefined || answer.text === '') return false;
  const { text, model, reason, usage } = answer;
  void parts.cache.keep(key, { text, model, reason, usage });
  return true;
}

/** The cached answer of a preparation that has one; notes in books and figures that it was given. */
export function noteHit(parts: CompletionsParts, preparation: Preparation): CachedAnswer {
  const { hit, candidates, origin, began } = preparation;
  if (hit === null) throw new TypeError('there is no cached answer to note');
  const durationMs = parts.runtime.elapsed() - began;
  parts.cache.answered(durationMs);
  parts.meter.note(origin, {
    model: candidates[0].model,
    outcome: 'cache_hit',
    errorCode: null,
    usage: hit.answer.usage,
    durationMs,
    firstTokenMs: origin.streamed ? durationMs : null,
    attempts: 0,
  });
  return hit.answer;
}

/** The reason of an abort where the aborter gave one of ours (shutdown, say), else `cancelled`. */
export function abortError(signal: AbortSignal): ParleyError {
  if (signal.reason instanceof ParleyError) return signal.reason;
  return new ParleyError('cancelled', 'The request was cancelled.');
}
