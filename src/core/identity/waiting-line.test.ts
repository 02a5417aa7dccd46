import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createWaitingLine } from './waiting-line.ts';

/** Work that ends when it is told to. */
function createWork() {
  const begun: number[] = [];
  const endings: (() => void)[] = [];
  const work = (number: number) => () => {
    begun.push(number);
    return new Promise<number>((resolve) => {
      endings[number] = () => resolve(number);
    });
  };
  return { begun, endings, work };
}

describe('a waiting line', () => {
  it('let so many run at once, the others in the order of their coming', async () => {
    const line = createWaitingLine({ atOnce: 2, waiting: 2 });
    const { begun, endings, work } = createWork();
    const all = [0, 1, 2, 3].map((number) => line.take(work(number)));
    assert.deepEqual(begun, [0, 1]);
    await assert.rejects(line.take(work(4)), { code: 'overloaded', retryable: true, retryAfterMs: 1_000 });
    endings[1]?.();
    await all[1];
    await Promise.resolve();
    assert.deepEqual(begun, [0, 1, 2]);
    endings[0]?.();
    endings[2]?.();
    await all[2];
    endings[3]?.();
    assert.deepEqual(await Promise.all(all), [0, 1, 2, 3]);
    assert.equal(line.isIdle(), true);
  });

  it('go on after work that failed', async () => {
    const line = createWaitingLine({ atOnce: 1, waiting: 1 });
    const failing = line.take(() => Promise.reject(new Error('no')));
    const next = line.take(() => Promise.resolve('yes'));
    await assert.rejects(failing, /no/);
    assert.equal(await next, 'yes');
    assert.equal(line.isIdle(), true);
  });
});
