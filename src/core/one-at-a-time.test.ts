import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneAtATime } from './one-at-a-time.ts';

function createTested() {
  const runs: PromiseWithResolvers<void>[] = [];
  const ask = oneAtATime(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  });
  return { runs, ask };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('who asks while the work is done gets all of it once more, together with the others', async () => {
  const { runs, ask } = createTested();
  const first = ask();
  const [second, third] = [ask(), ask()];
  await turn();
  assert.equal(runs.length, 1);
  runs[0]?.resolve();
  await first;
  const fourth = ask();
  await turn();
  assert.equal(runs.length, 2);
  runs[1]?.resolve();
  await Promise.all([second, third, fourth]);
  void ask();
  assert.equal(runs.length, 3);
});

test('a failure is told to those who waited for it, and does not keep the next from their run', async () => {
  const { runs, ask } = createTested();
  const [first, second] = [ask(), ask()];
  runs[0]?.reject(new Error('no disk'));
  await assert.rejects(first, /no disk/);
  await turn();
  runs[1]?.resolve();
  await second;
  assert.equal(runs.length, 2);
});
