import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSenders } from './senders.ts';

describe('senders', () => {
  it('are heard in their order, each by its own numbers', () => {
    const { hear } = createSenders();
    assert.deepEqual(
      [hear('a', 1), hear('a', 2), hear('b', 1), hear('a', 3), hear('b', 2)],
      ['next', 'next', 'next', 'next', 'next'],
    );
  });

  it('are found to have said something that was missed, before the first that is heard too', () => {
    const { hear } = createSenders();
    assert.deepEqual(
      [hear('a', 3), hear('a', 4), hear('a', 6), hear('a', 7)],
      ['missed', 'next', 'missed', 'next'],
    );
  });

  it('are not heard with what comes late, twice, or has no number', () => {
    const { hear } = createSenders();
    assert.deepEqual(
      [hear('a', 0), hear('a', 2), hear('a', 2), hear('a', 1), hear('a', 0)],
      ['old', 'missed', 'old', 'old', 'old'],
    );
  });

  it('are forgotten where a thousand others were heard since', () => {
    const { hear } = createSenders();
    hear('a', 1);
    hear('b', 1);
    for (let i = 0; i < 998; i++) hear(`other ${i}`, 1);
    assert.equal(hear('a', 2), 'next');
    hear('one more', 1);
    assert.deepEqual([hear('a', 3), hear('b', 2)], ['next', 'missed']);
  });
});
