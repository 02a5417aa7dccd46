import type { Runtime } from '../runtime.ts';
import type { CircuitLink, CircuitNews } from './circuit-link.ts';
import { createProbeClaim, type ProbeClaim } from './probe-claim.ts';

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

interface Circuit {
  policy: BreakerPolicy;
  elapsed: () => number;
  tell: (news: CircuitNews) => void;
  claim: ProbeClaim;
  failureTimes: number[];
  openedAt: number | null;
  /** Begins anew at each opening, and where another node's probe closes the circuit: earlier calls say nothing any more. */
  period: number;
  probing: boolean;
}

/**
 * A circuit breaker: closed → open after too many failures → half-open with a single probe → closed. Calls that were
 * let through before the circuit opened say nothing any more when they end: what they met is known. With a `link` the circuits
 * of all nodes are one, as far as they hear of each other: a failure counts on all of them, and one of them probes.
 */
export function createBreaker(
  policy: BreakerPolicy,
  runtime: Pick<Runtime, 'elapsed'>,
  link?: CircuitLink,
): Breaker {
  const circuit: Circuit = {
    policy,
    elapsed: () => runtime.elapsed(),
    tell: (news) => link?.tell(news),
    claim: createProbeClaim(policy.openMs, runtime, link),
    failureTimes: [],
    openedAt: null,
    period: 0,
    probing: false,
  };
  link?.onNews((news) => hear(circuit, news));
  return {
    admit() {
      if (circuit.openedAt === null || mayProbe(circuit)) return admitCall(circuit);
      circuit.claim.want();
      return null;
    },
    isOpen: () => circuit.openedAt !== null && (isTooEarly(circuit) || circuit.claim.isOthers()),
    retryAfterMs: () => waitMs(circuit),
  };
}

function waitMs({ policy, openedAt, elapsed }: Circuit): number {
  return openedAt === null ? 0 : Math.max(0, Math.ceil(openedAt + policy.openMs - elapsed()));
}

function mayProbe(circuit: Circuit): boolean {
  return !isTooEarly(circuit) && circuit.claim.isMine();
}

function isTooEarly(circuit: Circuit): boolean {
  return circuit.probing || waitMs(circuit) > 0;
}

/** `wanted` says that this node has calls to make. */
function open(circuit: Circuit, wanted: boolean): void {
  circuit.openedAt = circuit.elapsed();
  circuit.period++;
  circuit.probing = false;
  circuit.failureTimes = [];
  circuit.claim.begin(wanted);
}

function close(circuit: Circuit): void {
  circuit.openedAt = null;
  circuit.failureTimes = [];
  circuit.claim.end();
}

/** Whether there are too many of them now. */
function countFailure(circuit: Circuit): boolean {
  const { policy } = circuit;
  const now = circuit.elapsed();
  circuit.failureTimes = circuit.failureTimes.filter((time) => time > now - policy.windowMs);
  return circuit.failureTimes.push(now) >= policy.failures;
}

function fail(circuit: Circuit, isProbe: boolean): void {
  const isTooMany = countFailure(circuit) || isProbe;
  if (isTooMany) open(circuit, true);
  circuit.tell(isTooMany ? 'opened' : 'failure');
}

function succeed(circuit: Circuit, isProbe: boolean): void {
  const hadFailed = circuit.failureTimes.length > 0;
  close(circuit);
  if (isProbe) circuit.tell('closed');
  else if (hadFailed) circuit.tell('success');
}

function admitCall(circuit: Circuit): AdmittedCall {
  const admittedIn = circuit.period;
  let isProbe = circuit.openedAt !== null;
  let ended = false;
  if (isProbe) circuit.probing = true;
  const isOver = () => ended || admittedIn !== circuit.period;
  const endProbe = () => {
    if (isProbe) circuit.probing = false;
    isProbe = false;
  };
  return {
    begun() {
      if (!isProbe || isOver()) return;
      endProbe();
      succeed(circuit, true);
    },
    end(result) {
      if (isOver()) return;
      ended = true;
      const wasProbe = isProbe;
      endProbe();
      if (result === 'success') succeed(circuit, wasProbe);
      if (result === 'failure') fail(circuit, wasProbe);
    },
  };
}

/** Another node's news; it has told all others itself. */
function hear(circuit: Circuit, news: CircuitNews): void {
  const isClosed = circuit.openedAt === null;
  switch (news) {
    case 'opened':
      return open(circuit, false);
    case 'closed':
      if (!isClosed) circuit.period++;
      circuit.probing = false;
      return close(circuit);
    case 'success':
      if (isClosed) circuit.failureTimes = [];
      return;
    case 'failure':
      if (isClosed && countFailure(circuit)) open(circuit, false);
      return;
  }
}
