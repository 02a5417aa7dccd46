import type { Runtime } from '../runtime.ts';

export interface BreakerPolicy {
  /** Failures within `windowMs`, without a success between them, that open the circuit. */
  failures: number;
  windowMs: number;
  /** How long an open circuit refuses calls before it lets one through as a probe. */
  openMs: number;
}

/** Keeps calls away from a provider that is known to fail. One per provider. */
export interface Breaker {
  /** Leave to make a call now; null while calls are refused. */
  admit(): AdmittedCall | null;
  /** Whether calls are refused at present. */
  isOpen(): boolean;
  /** Milliseconds until the next probe; 0 where calls are admitted. */
  retryAfterMs(): number;
}

/** A call that was let through. Its `end` must be called; of several times, the first counts. */
export interface AdmittedCall {
  /** The provider has begun to answer: a probe closes the circuit with it, though the answer may yet break off. */
  begun(): void;
  /** `neutral` says nothing about the provider's health: the caller went away, or was refused for its own fault. */
  end(result: CallResult): void;
}

export type CallResult = 'success' | 'failure' | 'neutral';

/**
 * A circuit breaker: closed → open after too many failures → half-open with a single probe → closed. Calls that were
 * let through before the circuit opened say nothing any more when they end: what they met is known.
 */
export function createBreaker(policy: BreakerPolicy, runtime: Pick<Runtime, 'elapsed'>): Breaker {
  let failureTimes: number[] = [];
  let openedAt: number | null = null;
  let openings = 0;
  let probing = false;

  const waitMs = () =>
    openedAt === null ? 0 : Math.max(0, Math.ceil(openedAt + policy.openMs - runtime.elapsed()));

  const isOpen = () => openedAt !== null && (probing || waitMs() > 0);

  const open = () => {
    openedAt = runtime.elapsed();
    openings++;
    failureTimes = [];
  };
  const close = () => {
    openedAt = null;
    failureTimes = [];
  };
  const fail = (isProbe: boolean) => {
    const now = runtime.elapsed();
    failureTimes = failureTimes.filter((time) => time > now - policy.windowMs);
    if (failureTimes.push(now) >= policy.failures || isProbe) open();
  };

  const admitCall = (): AdmittedCall => {
    const admittedAfter = openings;
    let isProbe = openedAt !== null;
    let ended = false;
    if (isProbe) probing = true;
    const endProbe = () => {
      if (isProbe) probing = false;
      isProbe = false;
    };
    return {
      begun() {
        if (!isProbe || ended) return;
        endProbe();
        close();
      },
      end(result) {
        if (ended || admittedAfter !== openings) return;
        ended = true;
        if (result === 'success') close();
        if (result === 'failure') fail(isProbe);
        endProbe();
      },
    };
  };

  return {
    admit: () => (isOpen() ? null : admitCall()),
    isOpen,
    retryAfterMs: waitMs,
  };
}
