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
  /** The same for open connections alone: a request finds a node that serves it. */
  excusingSockets<T>(work: () => Promise<T>): Promise<T>;
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

export function createExcuses(): Excuses {
  const since = new WeakMap<Life, number>();
  const [requests, sockets] = [createWindow(), createWindow()];
  let ended = false;
  return {
    isCalm: () => !requests.isOpen() && !sockets.isOpen(),
    isAlive: (life) => !requests.isOpen() && (since.get(life) ?? 0) > requests.until(),
    async untilLiving() {
      if (ended) await new Promise(() => {});
      if (requests.isOpen()) await setTimeout(pauseMs);
    },
    endAll: () => void (ended = true),
    begin(life) {
      since.set(life, performance.now());
      return life;
    },
    excusing: requests.during,
    excusingSockets: sockets.during,
  };
}

/** A time in which something is excused. */
function createWindow() {
  let open = 0;
  let until = 0;
  return {
    isOpen: () => open > 0 || performance.now() <= until,
    until: () => until,
    async during<T>(work: () => Promise<T>): Promise<T> {
      open++;
      try {
        return await work();
      } finally {
        open--;
        until = performance.now() + settleMs;
      }
    },
  };
}
