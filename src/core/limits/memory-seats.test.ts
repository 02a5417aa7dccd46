import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemorySeats } from './memory-seats.ts';

test('seats in memory are so many at once for each subject at each door, and given back once', async () => {
  const seats = createMemorySeats();
  const take = (door = 'a', subject = 'one', most = 2) => seats.take(door, subject, most);
  const first = (await take()) ?? assert.fail();
  const second = await take();
  assert.notEqual(second, null);
  assert.equal(await take(), null);
  assert.notEqual(await take('b'), null, 'another door');
  assert.notEqual(await take('a', 'two'), null, 'another subject');
  assert.notEqual(await take('a', 'one', Number.POSITIVE_INFINITY), null, 'whoever may have more');
  first.release();
  first.release();
  assert.equal(await take(), null);
  second?.release();
  assert.notEqual(await take(), null);
  assert.equal(await take('c', 'one', 0), null);
});
