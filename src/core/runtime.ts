import { randomBytes, randomFillSync, randomInt } from 'node:crypto';

/** Time, ids and randomness, handed to every part that needs them so that tests fake no globals. */
export interface Runtime {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Monotonic clock for durations, milliseconds. */
  elapsed(): number;
  /** A number in [0, 1). */
  random(): number;
  /** `bytes` random bytes in URL-safe base64: 16 bytes give 128 bits in 22 characters. */
  token(bytes: number): string;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The runtime that production uses. */
export function createRuntime(): Runtime {
  return {
    now: Date.now,
    elapsed: () => performance.now(),
    random: () => randomInt(0, 2 ** 47) / 2 ** 47,
    token: createToken(),
    sleep,
  };
}

/** Random bytes come in blocks: asking the operating system for a few at a time costs more than all the rest of an id. */
function createToken(): (bytes: number) => string {
  const block = Buffer.alloc(8192);
  let used = block.length;
  return (bytes) => {
    if (bytes > block.length) return randomBytes(bytes).toString('base64url');
    if (used + bytes > block.length) {
      randomFillSync(block);
      used = 0;
    }
    const token = block.toString('base64url', used, used + bytes);
    block.fill(0, used, used + bytes);
    used += bytes;
    return token;
  };
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
