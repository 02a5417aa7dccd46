import type { Usage } from './provider.ts';

export type Outcome = 'success' | 'failure' | 'cancelled' | 'cache_hit';

/** How a call to a model ended; what the metrics count. */
export interface SettledCall {
  contract: string;
  model: string;
  provider: string;
  outcome: Outcome;
  usage: Usage;
  costNano: number;
  currency: string;
  durationMs: number;
  firstTokenMs: number | null;
}

/** Told of what happens inside completions. The process's metrics implement it; it must not throw. */
export interface CompletionObserver {
  /** One call to a vendor ended, retries counted singly. `outcome` is `success` or the error's code. */
  providerCalled(provider: string, model: string, outcome: string, durationMs: number): void;
  /** The next model in the chain takes over. */
  fellBack(fromModel: string, toModel: string): void;
  callSettled(call: SettledCall): void;
}
