import { asParleyError, invalidField, ParleyError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Runtime } from '../runtime.ts';
import type { AdmittedCall, Breaker } from './breaker.ts';
import type { Catalogue, Model } from './catalogue.ts';
import type { CompletionObserver } from './observer.ts';
import { noNeeds, type Needs } from './needs.ts';
import type { Provider } from './provider.ts';
import { isRefusedRequest } from './relay.ts';
import { notForChat, unknownModel } from './refused-model.ts';
import { withRetries, type RetryPolicy } from './retry.ts';

/** A configured provider with what guards it. */
export interface ProviderSlot {
  provider: Provider;
  retries: RetryPolicy;
  breaker: Breaker;
}

/** A model that can answer, with its provider. */
export interface Candidate {
  model: Model;
  slot: ProviderSlot;
}

export interface FallbackPolicy {
  enabled: boolean;
  /** Models tried in turn where no chain is set for the model itself. */
  default: string[];
  models: Record<string, string[]>;
}

export interface RouterParts {
  catalogue: Catalogue;
  slots: ReadonlyMap<string, ProviderSlot>;
  fallback: FallbackPolicy;
  runtime: Runtime;
  observer: CompletionObserver;
  log: Log;
}

/** What `run` found: the result, who gave it, and how many vendor calls it took. */
export interface Routed<T> {
  result: T;
  candidate: Candidate;
  attempts: number;
}

/** What `open` found: an answer that has begun. `call` must be ended with it. */
export interface Opened<T> extends Routed<T> {
  call: AdmittedCall;
}

/** Chooses who answers: the model asked for, then its fallback chain, with retries and circuit breakers. */
export interface Router {
  /**
   * Who may answer for `modelId`, in order; the first is who will, unless it fails. Throws `model_not_found` for a model
   * that the catalogue does not know, `invalid_request` for one that cannot chat or lacks what is needed, `provider_failed`
   * where nobody in the chain is configured and can do it.
   */
  plan(modelId: string, needs?: Needs): Candidate[];
  /** Whether the model's provider is configured and not known to be failing. */
  isAvailable(model: Model): boolean;
  /** Calls `attempt` for each candidate until one succeeds; nothing may have been shown to the client before. */
  run<T>(candidates: Candidate[], signal: AbortSignal, attempt: Attempt<T>): Promise<Routed<T>>;
  /** The same where `attempt` only opens a stream: how that ends is the caller's to report. */
  open<T>(candidates: Candidate[], signal: AbortSignal, attempt: Attempt<T>): Promise<Opened<T>>;
}

type Attempt<T> = (candidate: Candidate) => Promise<T>;

export function createRouter(parts: RouterParts): Router {
  const { catalogue, slots, fallback } = parts;
  const chains = new Map(Object.entries(fallback.models));

  const chainOf = (model: Model): string[] => {
    if (!fallback.enabled) return [model.id];
    return [...new Set([model.id, ...(chains.get(model.aliasOf ?? model.id) ?? fallback.default)])];
  };

  return {
    plan(modelId, needs = noNeeds) {
      const asked = catalogue.get(modelId);
      if (asked === undefined) throw unknownModel(modelId);
      if (!asked.capabilities.includes('chat')) throw notForChat(asked);
      refuseIncapable(asked, needs);
      const candidates: Candidate[] = [];
      for (const id of chainOf(asked)) {
        const model = catalogue.get(id);
        const slot = model && slots.get(model.provider);
        if (model !== undefined && slot !== undefined && meets(model, needs))
          candidates.push({ model, slot });
      }
      if (candidates.length === 0) throw nobodyLeft(asked, needs);
      return candidates;
    },
    isAvailable(model) {
      const slot = slots.get(model.provider);
      return slot !== undefined && !slot.breaker.isOpen();
    },
    async run(candidates, signal, attempt) {
      const { call, ...routed } = await openChain(parts, candidates, signal, attempt);
      call.end('success');
      return routed;
    },
    open: (candidates, signal, attempt) => openChain(parts, candidates, signal, attempt),
  };
}

async function openChain<T>(
  parts: RouterParts,
  candidates: Candidate[],
  signal: AbortSignal,
  attempt: Attempt<T>,
): Promise<Opened<T>> {
  let attempts = 0;
  let failure: ParleyError | undefined;
  const counted: Attempt<T> = (candidate) => {
    attempts++;
    return attempt(candidate);
  };
  for (const [position, candidate] of candidates.entries()) {
    const before = candidates[position - 1];
    if (before !== undefined) {
      parts.observer.fellBack(before.model.id, candidate.model.id);
      parts.log.warn(
        { err: failure, from: before.model.id, to: candidate.model.id },
        'a model failed; the next in its fallback chain answers',
      );
    }
    try {
      const opened = await withRetries(candidate.slot.retries, parts.runtime, signal, () =>
        guarded(parts, candidate, signal, counted),
      );
      return { ...opened, candidate, attempts };
    } catch (thrown) {
      failure = asParleyError(thrown);
      if (signal.aborted || failure.code === 'cancelled' || isRefusedRequest(failure)) throw failure;
    }
  }
  throw failure ?? new ParleyError('provider_failed', 'No model is configured to answer.');
}

/** One vendor call: admitted by the breaker; its beginning or failure is reported to it and to the metrics. */
async function guarded<T>(
  { runtime, observer }: RouterParts,
  candidate: Candidate,
  signal: AbortSignal,
  attempt: Attempt<T>,
): Promise<{ result: T; call: AdmittedCall }> {
  const { model, slot } = candidate;
  const call = slot.breaker.admit();
  if (call === null) throw circuitOpen(candidate);
  const began = runtime.elapsed();
  try {
    const result = await attempt(candidate);
    call.begun();
    observer.providerCalled(slot.provider.name, model.id, 'success', runtime.elapsed() - began);
    return { result, call };
  } catch (thrown) {
    const error = asParleyError(thrown);
    call.end(!signal.aborted && isUnhealthy(error) ? 'failure' : 'neutral');
    observer.providerCalled(slot.provider.name, model.id, error.code, runtime.elapsed() - began);
    throw error;
  }
}

/**
 * The model for requests that name none: the first chat model whose provider is configured and, where the provider said
 * what it serves, serves it.
 */
export function defaultModelOf(catalogue: Catalogue, slots: ReadonlyMap<string, ProviderSlot>): string {
  const chat = catalogue.list().find(({ id, provider, capabilities }) => {
    const offered = catalogue.offered(provider);
    return slots.has(provider) && capabilities.includes('chat') && (offered === undefined || offered.has(id));
  });
  return chat?.id ?? 'parley-local';
}

/** Failures that speak against the provider itself. A refusal (4xx, 429 included) shows that it is alive. */
function isUnhealthy(error: ParleyError): boolean {
  if (error.code === 'provider_timeout') return true;
  return error.code === 'provider_failed' && error.retryable && error.vendorStatus !== 429;
}

function meets({ capabilities }: Model, needs: Needs): boolean {
  return needs.every(({ capability }) => capabilities.includes(capability));
}

function refuseIncapable({ id, capabilities }: Model, needs: Needs): void {
  for (const { capability, field } of needs) {
    if (capabilities.includes(capability)) continue;
    const part = partFor[capability];
    throw invalidField(field, { kind: 'no_capability', model: id, part });
  }
}

const partFor = { vision: 'image', video: 'video' } as const;

function nobodyLeft(model: Model, needs: Needs): ParleyError {
  const parts = needs.map(({ capability }) => `${partFor[capability]}s`).join(' and ');
  const others = parts === '' ? '' : `, and no model that stands in for it takes ${parts}`;
  return new ParleyError(
    'provider_failed',
    `The provider "${model.provider}" of model "${model.id}" is not configured on this server${others}.`,
  );
}

function circuitOpen({ model, slot }: Candidate): ParleyError {
  return new ParleyError(
    'provider_failed',
    `The provider "${slot.provider.name}" of model "${model.id}" has failed repeatedly and is left alone for a moment.`,
    { retryAfterMs: slot.breaker.retryAfterMs() },
  );
}
