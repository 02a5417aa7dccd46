import type { Log } from './log.ts';

/** Work that is due now and then, such as writing down what memory knows better than the store. */
export interface Housekeeping {
  start(): void;
  stop(): void;
  /** Does all of it once more; a failure is logged and keeps nothing else from being done. */
  run(): Promise<void>;
}

/** Runs every task of `tasks` each `everyMs` milliseconds; the names are for the log. */
export function createHousekeeping(parts: {
  tasks: Record<string, () => Promise<void>>;
  everyMs: number;
  log: Log;
}): Housekeeping {
  const { tasks, everyMs, log } = parts;
  let timer: NodeJS.Timeout | undefined;

  const run = async () => {
    const all = Object.entries(tasks).map(async ([task, work]) => {
      try {
        await work();
      } catch (err) {
        log.error({ err, task }, 'a regular task failed');
      }
    });
    await Promise.all(all);
  };

  return {
    start() {
      timer = setInterval(() => void run(), everyMs);
      timer.unref();
    },
    stop: () => clearInterval(timer),
    run,
  };
}
