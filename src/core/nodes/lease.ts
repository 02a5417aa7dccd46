import type { Leases } from '../../storage/leases.ts';
import type { Log } from '../log.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import type { Runtime } from '../runtime.ts';

/** Leave to do what only one node may do at a time. */
export interface Lease {
  /** Tries to get it, again and again. */
  start(): void;
  /** To be asked before anything is done that only its holder may do. */
  isHeld(): boolean;
  /** Gives it back, so that another node need not wait until it ends. Whoever calls has stopped to do what it stands for. */
  stop(): Promise<void>;
}

/** What a lease is for. */
export interface LeaseWork {
  /** The lease is this node's now. */
  onHeld: () => void;
  /** It is so no more: another node may have it in a moment. */
  onLost: () => void;
}

export interface LeaseParts extends LeaseWork {
  rows: Leases;
  name: string;
  /** This node's id. */
  node: string;
  runtime: Pick<Runtime, 'now' | 'elapsed'>;
  log: Log;
}

const lastsMs = 6_000;
const renewedEveryMs = 2_000;
/** Its holder takes it for lost so much earlier than the others do: clocks differ, and words take time. */
const marginMs = 500;

interface State extends LeaseParts {
  /** Undefined while it is not wanted. */
  timer: NodeJS.Timeout | undefined;
  held: boolean;
  /** Monotonic; of no meaning while it is not held. */
  heldUntil: number;
  end: NodeJS.Timeout | undefined;
  failed: boolean;
}

export function createLease(parts: LeaseParts): Lease {
  const state: State = {
    ...parts,
    timer: undefined,
    held: false,
    heldUntil: 0,
    end: undefined,
    failed: false,
  };
  const renew = oneAtATime(() => hold(state));
  return {
    start() {
      state.timer = setInterval(() => void renew(), renewedEveryMs);
      state.timer.unref();
      void renew();
    },
    isHeld: () => isHeld(state),
    async stop() {
      clearInterval(state.timer);
      state.timer = undefined;
      clearTimeout(state.end);
      await renew();
      if (!state.held) return;
      state.held = false;
      // One that cannot be given back ends by itself.
      await parts.rows.release(parts.name, parts.node).catch(() => {});
    },
  };
}

/** Gets or renews it. Never rejects: one that cannot be renewed ends by itself. */
async function hold(state: State): Promise<void> {
  const { rows, name, node, runtime, log } = state;
  if (state.timer === undefined) return;
  // The time before it is asked: however long the answer takes, the others count from no earlier.
  const [asked, now] = [runtime.elapsed(), runtime.now()];
  try {
    const isOurs = await rows.hold(name, node, now, now + lastsMs);
    state.failed = false;
    if (isOurs) return begin(state, asked + lastsMs - marginMs);
    lose(state);
  } catch (err) {
    if (!state.failed) log.error({ err, lease: name }, 'a lease could not be renewed; it is tried again');
    state.failed = true;
  }
}

function begin(state: State, until: number): void {
  const leftMs = until - state.runtime.elapsed();
  if (leftMs <= 0) return lose(state);
  state.heldUntil = until;
  clearTimeout(state.end);
  state.end = setTimeout(() => isHeld(state), leftMs);
  state.end.unref();
  if (state.held) return;
  state.held = true;
  if (state.timer !== undefined) state.onHeld();
}

/** Who finds that it is over has lost it. */
function isHeld(state: State): boolean {
  if (state.held && state.runtime.elapsed() >= state.heldUntil) lose(state);
  return state.held;
}

function lose(state: State): void {
  clearTimeout(state.end);
  if (!state.held) return;
  state.held = false;
  state.onLost();
}
