import type { Runtime } from './runtime.ts';

/** A runtime whose time stands still until a test moves it, and whose sleeps are over at once. */
export interface FakeRuntime extends Runtime {
  /** What both clocks say, milliseconds. */
  time: number;
  /** What `random` gives. */
  chance: number;
  /** How long each `sleep` was asked to last. */
  readonly slept: number[];
}

export function createFakeRuntime(time = Date.UTC(2026, 8, 21, 12)): FakeRuntime {
  let tokens = 0;
  const runtime: FakeRuntime = {
    time,
    chance: 0.5,
    slept: [],
    now: () => runtime.time,
    elapsed: () => runtime.time,
    random: () => runtime.chance,
    token: () => `token-${++tokens}`,
    sleep(ms, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason as Error);
      runtime.slept.push(ms);
      runtime.time += ms;
      return Promise.resolve();
    },
  };
  return runtime;
}
