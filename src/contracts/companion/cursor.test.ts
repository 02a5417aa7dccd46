import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cursorOf, positionOf } from './cursor.ts';

test('a position survives its way through a client, and rises', () => {
  const position = fc.record({ after: fc.nat(2 ** 31 - 1), seen: fc.nat(5) }, { noNullPrototype: true });
  fc.assert(
    fc.property(position, (given) => {
      const cursor = cursorOf(given);
      assert.deepEqual(positionOf(JSON.stringify(cursor)), given);
      assert.ok(cursorOf({ after: given.after + 1, seen: 0 }) > cursor);
      if (given.seen > 0) assert.ok(cursor > cursorOf({ ...given, seen: given.seen - 1 }));
    }),
  );
});

test('what is no cursor is none', () => {
  for (const text of ['', 'x', '-1', '1.', '.1', '1.23', '1e3', ' 1', '1'.repeat(16), 'NaN', '0x10']) {
    assert.equal(positionOf(text), undefined, text);
  }
});
