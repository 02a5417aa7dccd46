import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Type, type Static } from 'typebox';
import { createFrameCheck, type FrameCheck } from './frame-check.ts';

const schema = Type.Object({
  type: Type.Literal('chat'),
  data: Type.Object({ message: Type.String({ minLength: 1 }), temperature: Type.Optional(Type.Number()) }),
});
const check: FrameCheck<Static<typeof schema>> = createFrameCheck(schema);

describe('a frame', () => {
  it('passes as it is', () => {
    const frame: unknown = { type: 'chat', data: { message: 'Hi', further: 1 } };
    check(frame);
    assert.deepEqual(frame, { type: 'chat', data: { message: 'Hi', further: 1 } });
  });

  for (const [what, frame, field] of [
    ['without a field', { type: 'chat', data: {} }, 'data.message'],
    ['with an empty one', { type: 'chat', data: { message: '' } }, 'data.message'],
    [
      'with text for a number',
      { type: 'chat', data: { message: 'Hi', temperature: '1' } },
      'data.temperature',
    ],
    ['of another type', { type: 'other', data: { message: 'Hi' } }, 'type'],
    ['that is text', 'chat', 'frame'],
    ['that is null', null, 'frame'],
    ['that is a list', [], 'frame'],
  ] as const) {
    it(`${what} is refused, naming ${field}`, () => {
      assert.throws(() => check(frame), { name: 'ParleyError', code: 'invalid_request', field });
    });
  }

  it('that is refused does not spoil the next', () => {
    assert.throws(() => check({}));
    check({ type: 'chat', data: { message: 'Hi' } });
  });
});
