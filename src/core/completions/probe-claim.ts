import type { Runtime } from '../runtime.ts';
import type { CircuitLink } from './circuit-link.ts';

/** Which node of all tries an open circuit again. */
export interface ProbeClaim {
  /** Whether this node may probe now. Where that is not known yet, it is asked for, and the answer is another one soon. */
  isMine(): boolean;
  /** Whether another node was found to probe, a moment ago. */
  isOthers(): boolean;
  /** The circuit opens: whoever may probe this time is open again. `wanted` says that this node has calls to make. */
  begin(wanted: boolean): void;
  /** This node has a call to make. */
  want(): void;
  /** The circuit is closed. */
  end(): void;
}

/** A refusal is asked about again after so long: the other node may have died. */
const askEveryMs = 500;

/** A node by itself may always probe. */
const ownProbe: ProbeClaim = {
  isMine: () => true,
  isOthers: () => false,
  begin: () => {},
  want: () => {},
  end: () => {},
};

export function createProbeClaim(
  openMs: number,
  runtime: Pick<Runtime, 'elapsed'>,
  link: CircuitLink | undefined,
): ProbeClaim {
  if (link === undefined) return ownProbe;
  let period = 0;
  let mine = false;
  let asking = false;
  let askAgainAt = Number.NEGATIVE_INFINITY;
  let isWanted = false;
  let timer: NodeJS.Timeout | undefined;

  const ask = async () => {
    if (mine || asking || runtime.elapsed() < askAgainAt) return;
    const asked = period;
    asking = true;
    const granted = await link.claimProbe(openMs);
    asking = false;
    if (asked !== period) return;
    mine = granted;
    askAgainAt = runtime.elapsed() + askEveryMs;
  };
  const end = () => {
    clearTimeout(timer);
    period++;
    mine = false;
    askAgainAt = Number.NEGATIVE_INFINITY;
  };

  return {
    isMine() {
      void ask();
      return mine;
    },
    isOthers: () => !mine && runtime.elapsed() < askAgainAt,
    begin(wanted) {
      end();
      isWanted = wanted;
      // Asked for in time, so that the first call after it need not wait.
      timer = setTimeout(() => isWanted && void ask(), openMs);
      timer.unref();
    },
    want: () => void (isWanted = true),
    end,
  };
}
