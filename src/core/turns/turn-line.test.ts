import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createInOrder } from './in-order.ts';
import { createTurnLine } from './turn-line.ts';

it('the first of a conversation runs, and who leaves lets the next one run', () => {
  const line = createTurnLine<{ conversationId: number; name: string }>();
  const [a, b, c, other] = ['a', 'b', 'c', 'other'].map((name) => ({
    conversationId: name === 'other' ? 2 : 1,
    name,
  }));
  assert.ok(a && b && c && other);
  assert.deepEqual([line.join(a), line.join(b), line.join(c), line.join(other)], [true, false, false, true]);
  assert.equal(line.leave(b), undefined, 'one from the middle frees nobody');
  assert.deepEqual(line.in(1), [a, c]);
  assert.equal(line.leave(a), c);
  assert.equal(line.leave(a), undefined, 'nobody leaves twice');
  assert.equal(line.leave(c), undefined);
  assert.deepEqual([line.in(1), line.in(2)], [[], [other]]);
});

it('work with one key runs in the order of the calls, whatever fails', async () => {
  const order = createInOrder<string>();
  const log: string[] = [];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const work = (name: string) => async () => {
    log.push(`${name} begins`);
    await gate;
    log.push(`${name} ends`);
    if (name === 'a') throw new Error('a fails');
    return name;
  };
  const failing = order.run('x', work('a'));
  const next = order.run('x', work('b'));
  const other = order.run('y', work('c'));
  open();
  await assert.rejects(failing, /a fails/);
  assert.deepEqual([await next, await other], ['b', 'c']);
  assert.deepEqual(
    log.filter((line) => !line.startsWith('c')),
    ['a begins', 'a ends', 'b begins', 'b ends'],
  );
});
