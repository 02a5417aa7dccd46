import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBusLine } from './bus.fixture.ts';
import { everywhere } from './everywhere.ts';

test('work is done here at once, elsewhere soon after, and where it was missed when that is known', async () => {
  const line = createBusLine();
  const done: string[] = [];
  const [here, there] = [line.join(), line.join()];
  const doIt = everywhere(here, 'it', () => void done.push('here'));
  everywhere(there, 'it', () => void done.push('there'));
  doIt();
  assert.deepEqual(done, ['here']);
  await line.arrived();
  assert.deepEqual(done, ['here', 'there']);
  there.cut();
  doIt();
  await line.arrived();
  assert.deepEqual(done, ['here', 'there', 'here']);
  there.rejoin();
  assert.deepEqual(done, ['here', 'there', 'here', 'there']);
});

test('without a bus, work is done here', () => {
  let done = 0;
  everywhere(undefined, 'it', () => void done++)();
  assert.equal(done, 1);
});
