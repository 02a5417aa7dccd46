import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Message } from '../../storage/messages.ts';
import { inPortions } from './whole-message.ts';

const mebibyte = 1024 * 1024;

/** Messages whose images have so many MiB. */
const messages = (...sizes: number[]) =>
  sizes.map((size, id) => {
    const image = { type: 'image', mediaId: id, bytes: size * mebibyte } as const;
    return { id, parts: size === 0 ? null : [{ type: 'text', text: 'x' }, image] } as Message;
  });
const sizesOf = (portions: Message[][]) => portions.map((portion) => portion.map(({ id }) => id));

describe('messages in portions', () => {
  it('are none of nothing, and one where nothing is large', () => {
    assert.deepEqual(inPortions([]), []);
    assert.deepEqual(sizesOf(inPortions(messages(0, 0, 16, 0))), [[0, 1, 2, 3]]);
  });

  it('are in their order, of up to 16 MiB each; one that is larger comes by itself', () => {
    assert.deepEqual(sizesOf(inPortions(messages(8, 8, 1, 0))), [
      [0, 1],
      [2, 3],
    ]);
    assert.deepEqual(sizesOf(inPortions(messages(20, 1, 17, 3))), [[0], [1], [2], [3]]);
  });
});
