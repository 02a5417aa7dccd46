import type { Config } from '../config.ts';
import { createBreaker } from '../core/completions/breaker.ts';
import type { CircuitLink } from '../core/completions/circuit-link.ts';
import { estimateTokens } from '../core/completions/estimate.ts';
import type { Provider } from '../core/completions/provider.ts';
import type { ProviderSlot } from '../core/completions/router.ts';
import type { Runtime } from '../core/runtime.ts';
import { createAnthropicProvider } from '../providers/anthropic.ts';
import { createOpenAiCompatibleProvider } from '../providers/openai-compatible.ts';

/**
 * The configured vendors and `local`, which never fails, each with its retries and its circuit breaker; `linkOf` joins a vendor's circuit to
 * those of other nodes.
 */
export function createSlots(
  config: Pick<Config, 'providers'>,
  local: Provider,
  runtime: Runtime,
  linkOf?: (provider: string) => CircuitLink,
): Map<string, ProviderSlot> {
  const slots = new Map<string, ProviderSlot>();
  for (const { name, kind, baseUrl, apiKey, timeouts, retries, breaker } of config.providers) {
    const vendor = { name, baseUrl, timeouts, estimateTokens };
    const provider =
      kind === 'anthropic'
        ? createAnthropicProvider({ ...vendor, apiKey: apiKey ?? '' })
        : createOpenAiCompatibleProvider({ ...vendor, ...(apiKey !== null && { apiKey }) });
    slots.set(name, { provider, retries, breaker: createBreaker(breaker, runtime, linkOf?.(name)) });
  }
  const never = { failures: Number.POSITIVE_INFINITY, windowMs: 60_000, openMs: 0 };
  const once = { attempts: 1, baseMs: 0, maxMs: 0 };
  slots.set(local.name, { provider: local, retries: once, breaker: createBreaker(never, runtime) });
  return slots;
}
