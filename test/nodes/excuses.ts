import { setTimeout } from 'node:timers/promises';
import type { Insisting } from '../support/insist.ts';
import type { Life } from '../support/mortal-server.ts';

/** Between two times, in milliseconds since the epoch. */
export interface Span {
  from: number;
  to: number;
}

/** Knows when something is broken on purpose: then, and only then, may requests fail and sockets close. */
export interface Excuses extends Pick<Insisting['server'], 'isAlive' | 'isCalm'> {
  /** What happens until `work` is over, and shortly after, is excused. */
  excusing<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when one should come: while something is broken after a pause, and never once all is over. */
  untilLiving(): Promise<void>;
  endAll(): void;
  /** A life that somebody is given now. */
  begin(life: Life): Life;
}

/** Whoever was told to come again finds, after this, that all is as it should be. */
const settleMs = 300;
/** Clients that come again while something is broken do so after this. */
const pauseMs = 40;

/** `onBreak` is called when something begins that may end answers. */
export function createExcuses(onBreak: () => void): Excuses {
  const since = new WeakMap<Life, number>();
  let broken = 0;
  let until = 0;
  let ended = false;
  const isCalm = () => broken === 0 && performance.now() > until;
  return {
    isCalm,
    isAlive: (life) => isCalm() && (since.get(life) ?? 0) > until,
    async untilLiving() {
      if (ended) await new Promise(() => {});
      if (broken > 0) await setTimeout(pauseMs);
    },
    endAll: () => void (ended = true),
    begin(life) {
      since.set(life, performance.now());
      return life;
    },
    async excusing(work) {
      broken++;
      onBreak();
      try {
        return await work();
      } finally {
        broken--;
        until = performance.now() + settleMs;
      }
    },
  };
}
