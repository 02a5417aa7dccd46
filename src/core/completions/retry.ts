import { asParleyError, type ParleyError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';

export interface RetryPolicy {
  /** Calls in all, the first included; 1 and up. */
  attempts: number;
  /** The longest wait before the second call; doubles with each further one. */
  baseMs: number;
  maxMs: number;
}

/** A vendor that asks for a longer pause than this is given up instead of waited for. */
const longestRetryAfterMs = 10_000;

/**
 * Runs `attempt` until it succeeds, fails for good, or the policy is exhausted. Waits between with full jitter, or as
 * long as the vendor's `Retry-After` says. Throws the last failure.
 */
export async function withRetries<T>(
  policy: RetryPolicy,
  runtime: Pick<Runtime, 'random' | 'sleep'>,
  signal: AbortSignal,
  attempt: (number: number) => Promise<T>,
): Promise<T> {
  for (let number = 1; ; number++) {
    try {
      return await attempt(number);
    } catch (thrown) {
      const error = asParleyError(thrown);
      if (number >= policy.attempts || !error.retryable || signal.aborted) throw error;
      const waitMs = pauseMs(error, number, policy, runtime.random());
      if (waitMs > longestRetryAfterMs) throw error;
      await runtime.sleep(waitMs, signal);
    }
  }
}

function pauseMs(error: ParleyError, number: number, policy: RetryPolicy, random: number): number {
  if (error.retryAfterMs !== undefined) return error.retryAfterMs;
  return random * Math.min(policy.maxMs, policy.baseMs * 2 ** (number - 1));
}
