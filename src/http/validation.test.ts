import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createValidatorCompiler } from './validation.ts';

const compile = createValidatorCompiler();
const validatorOf = (schema: object, httpPart: string) =>
  compile({ schema, method: 'POST', url: '/', httpPart }) as (value: unknown) => boolean;

const schema = {
  type: 'object',
  required: ['limit'],
  properties: { limit: { type: 'integer' }, on: { type: 'boolean' }, page: { type: 'integer', default: 1 } },
};

describe('validation', () => {
  it('takes a body’s types as they were sent', () => {
    const valid = validatorOf(schema, 'body');
    assert.equal(valid({ limit: 20, on: true }), true);
    for (const wrong of [{ limit: '20' }, { limit: 20, on: 'true' }, { limit: 20.5 }, { limit: null }]) {
      assert.equal(valid(wrong), false, JSON.stringify(wrong));
    }
  });

  for (const part of ['querystring', 'params', 'headers']) {
    it(`takes text for numbers and truth in the ${part}`, () => {
      const valid = validatorOf(schema, part);
      const value = { limit: '20', on: 'true' };
      assert.equal(valid(value), true);
      assert.deepEqual({ ...value }, { limit: 20, on: true, page: 1 });
      assert.equal(valid({ limit: 'twenty' }), false);
    });
  }

  it('fills in defaults and leaves what it does not know', () => {
    const value = { limit: 1, further: 'x' };
    assert.equal(validatorOf(schema, 'body')(value), true);
    assert.deepEqual({ ...value }, { limit: 1, further: 'x', page: 1 });
  });

  it('knows formats', () => {
    const valid = validatorOf({ type: 'string', format: 'date' }, 'body');
    assert.deepEqual([valid('2026-02-28'), valid('2026-02-30'), valid('soon')], [true, false, false]);
  });
});
