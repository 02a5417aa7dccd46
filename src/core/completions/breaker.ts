import type { Runtime } from '../runtime.ts';

export interface BreakerPolicy {
  /** Failures within `windowMs` that open the circuit. */
  failures: number;
  windowMs: number;
  /** How long an open circuit refuses calls before it lets one through as a probe. */
  openMs: number;
}

/** Keeps calls away from a provider that is known to fail. One per provider. */
export interface Breaker {
  /** Whether a call may be made now. A `true` must be followed by exactly one `report`. */
  admit(): boolean;
  /** `neutral` says nothing about the provider's health: the caller went away, or was refused for its own fault. */
  report(result: 'success' | 'failure' | 'neutral'): void;
  /** Whether calls are refused at present. */
  isOpen(): boolean;
  /** Milliseconds until the next probe; 0 where calls are admitted. */
  retryAfterMs(): number;
}

/** A circuit breaker: closed → open after too many failures → half-open with a single probe → closed. */
export function createBreaker(policy: BreakerPolicy, runtime: Pick<Runtime, 'elapsed'>): Breaker {
  let failureTimes: number[] = [];
  let openedAt: number | null = null;
  let probing = false;

  const waitMs = () =>
    openedAt === null ? 0 : Math.max(0, Math.ceil(openedAt + policy.openMs - runtime.elapsed()));

  const fail = () => {
    const now = runtime.elapsed();
    failureTimes = failureTimes.filter((time) => time > now - policy.windowMs);
    failureTimes.push(now);
    if (openedAt !== null || failureTimes.length >= policy.failures) {
      openedAt = now;
      failureTimes = [];
    }
  };

  return {
    admit() {
      if (openedAt === null) return true;
      if (probing || waitMs() > 0) return false;
      probing = true;
      return true;
    },
    report(result) {
      const wasProbe = probing;
      probing = false;
      if (result === 'failure') return fail();
      if (result === 'success' && (openedAt === null || wasProbe)) {
        openedAt = null;
        failureTimes = [];
      }
    },
    isOpen: () => openedAt !== null && (probing || waitMs() > 0),
    retryAfterMs: waitMs,
  };
}
