import { once } from 'node:events';
import { spawnNode } from './children.ts';
import type { LoadPlan, LoadResult } from './load-plan.ts';

/** The load process: one for all parties of a scenario, so that its own warmth is the same for each. */
export interface LoadGenerator {
  pid: number;
  run(plan: LoadPlan): Promise<LoadResult>;
  stop(): Promise<void>;
}

/** Starts the load process. */
export function startLoadGenerator(): LoadGenerator {
  const script = new URL('parties/load.ts', import.meta.url).pathname;
  const child = spawnNode({ name: 'load', args: [script] }, ['ignore', 'inherit', 'inherit', 'ipc']);
  const died = once(child, 'exit').then(([code, signal]: unknown[]) => {
    throw new Error(`the load generator ended (${String(signal ?? code)})`);
  });
  died.catch(() => undefined);
  return {
    pid: child.pid!,
    async run(plan) {
      const answered = once(child, 'message');
      child.send(plan);
      const [result] = (await Promise.race([answered, died])) as [LoadResult];
      return result;
    },
    async stop() {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
    },
  };
}
