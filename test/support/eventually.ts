import { setTimeout } from 'node:timers/promises';

/** The first value of `look` that is not undefined; for what happens elsewhere and announces itself to nobody here. */
export async function eventually<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error('what was waited for did not happen within 10 s');
    await setTimeout(5);
  }
}

/** What `promise` resolves to; rejects when it takes longer than `ms`. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const late = setTimeout(ms, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`took longer than ${ms} ms`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
  }
}
