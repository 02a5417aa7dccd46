import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ParleyError } from '../errors.ts';
import { createRuntime } from '../runtime.ts';
import { createFakeRuntime } from '../runtime.fixture.ts';
import { withRetries } from './retry.ts';

const policy = { attempts: 4, baseMs: 100, maxMs: 300 };
const never = new AbortController().signal;

const failed = (retryAfterMs?: number) =>
  new ParleyError('provider_failed', 'It failed.', {
    retryable: true,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });

/** Fails with these in turn, then succeeds. */
function attempts(...failures: Error[]) {
  const numbers: number[] = [];
  return {
    numbers,
    attempt: (number: number) => {
      numbers.push(number);
      const failure = failures[numbers.length - 1];
      return failure === undefined ? Promise.resolve('fine') : Promise.reject(failure);
    },
  };
}

describe('withRetries', () => {
  it('asks once where that succeeds', async () => {
    const runtime = createFakeRuntime();
    const { attempt, numbers } = attempts();
    assert.equal(await withRetries(policy, runtime, never, attempt), 'fine');
    assert.deepEqual([numbers, runtime.slept], [[1], []]);
  });

  it('asks again after a retryable failure, with the attempt’s number', async () => {
    const { attempt, numbers } = attempts(failed(), failed());
    assert.equal(await withRetries(policy, createFakeRuntime(), never, attempt), 'fine');
    assert.deepEqual(numbers, [1, 2, 3]);
  });

  it('throws the last failure when the attempts are used up', async () => {
    const last = failed();
    const { attempt, numbers } = attempts(failed(), failed(), failed(), last);
    await assert.rejects(withRetries(policy, createFakeRuntime(), never, attempt), (error) => error === last);
    assert.deepEqual(numbers, [1, 2, 3, 4]);
  });

  it('does not ask again after what would fail again', async () => {
    for (const failure of [new ParleyError('provider_failed', 'No.'), new Error('unexpected')]) {
      const { attempt, numbers } = attempts(failure);
      await assert.rejects(withRetries(policy, createFakeRuntime(), never, attempt), { name: 'ParleyError' });
      assert.deepEqual(numbers, [1]);
    }
  });

  for (const [chance, waits] of [
    [0, [0, 0, 0]],
    [0.5, [50, 100, 150]],
    [0.999, [99.9, 199.8, 299.7]],
  ] as const) {
    it(`pauses with full jitter up to a doubling bound: chance ${chance}`, async () => {
      const runtime = createFakeRuntime();
      runtime.chance = chance;
      await withRetries(policy, runtime, never, attempts(failed(), failed(), failed()).attempt);
      assert.deepEqual(runtime.slept, waits);
    });
  }

  it('pauses as long as the vendor says', async () => {
    const runtime = createFakeRuntime();
    await withRetries(policy, runtime, never, attempts(failed(0), failed(7_000), failed(10_000)).attempt);
    assert.deepEqual(runtime.slept, [0, 7_000, 10_000]);
  });

  it('gives up a vendor that wants a longer pause than 10 s', async () => {
    const runtime = createFakeRuntime();
    const { attempt, numbers } = attempts(failed(10_001));
    await assert.rejects(withRetries(policy, runtime, never, attempt), { retryAfterMs: 10_001 });
    assert.deepEqual([numbers, runtime.slept], [[1], []]);
  });

  it('ends its pause when it is aborted', async () => {
    const stop = new AbortController();
    const reason = new Error('gone');
    const { attempt, numbers } = attempts(failed(9_000));
    const pending = withRetries(policy, createRuntime(), stop.signal, attempt);
    setImmediate(() => stop.abort(reason));
    await assert.rejects(pending, (error) => error === reason);
    assert.deepEqual(numbers, [1]);
  });

  it('does not pause after a failure that the abort made', async () => {
    const stop = new AbortController();
    const runtime = createFakeRuntime();
    const pending = withRetries(policy, runtime, stop.signal, () => {
      stop.abort();
      return Promise.reject(failed());
    });
    await assert.rejects(pending, { code: 'provider_failed' });
    assert.deepEqual(runtime.slept, []);
  });
});
