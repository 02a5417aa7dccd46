import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Type, type Static } from 'typebox';
import { createFrameCheck, frameTypeOf, type FrameCheck } from './frames.ts';

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

describe('the type of a frame', () => {
  const types = ['chat', 'ping'] as const;

  it('is one of those that the door knows', () => {
    assert.equal(frameTypeOf({ type: 'chat' }, types), 'chat');
    assert.equal(frameTypeOf({ type: 'pong' }, types), undefined);
  });

  for (const type of ['other', '', null, 1, ['chat'], 'constructor']) {
    it(`is not ${JSON.stringify(type)}, and the refusal names what it may be`, () => {
      assert.throws(() => frameTypeOf({ type }, types), {
        code: 'invalid_request',
        field: 'type',
        message: 'The frame\'s "type" must be one of: chat, ping.',
      });
    });
  }
});
