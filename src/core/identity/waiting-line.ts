import { ParleyError } from '../errors.ts';

/** Lets so much work run at once, and so much more wait for its turn. */
export interface WaitingLine {
  /** Runs `work` when its turn comes; throws `overloaded` at once where too many wait. */
  take<T>(work: () => Promise<T>): Promise<T>;
  /** Whether nothing runs and nothing waits. */
  isIdle(): boolean;
}

export function createWaitingLine({ atOnce, waiting }: { atOnce: number; waiting: number }): WaitingLine {
  const queue: (() => void)[] = [];
  let running = 0;

  return {
    async take(work) {
      if (running < atOnce) running++;
      else if (queue.length < waiting) await new Promise<void>((resolve) => queue.push(resolve));
      else throw tooMany();
      try {
        return await work();
      } finally {
        const next = queue.shift();
        if (next === undefined) running--;
        else next();
      }
    },
    isIdle: () => running === 0,
  };
}

function tooMany(): ParleyError {
  return new ParleyError('overloaded', 'Too many logins at this moment. Try again in a second.', {
    retryable: true,
    retryAfterMs: 1_000,
  });
}
