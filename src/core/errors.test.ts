import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StorageError } from '../storage/storage-error.ts';
import { asParleyError, errorCodes, ParleyError } from './errors.ts';

describe('ParleyError', () => {
  it('carries what it was made of', () => {
    const cause = new Error('the disk is full');
    const error = new ParleyError('storage_failed', 'Try again.', {
      field: 'messages.0',
      retryable: true,
      retryAfterMs: 5,
      internal: { path: '/data' },
      cause,
    });
    assert.ok(error instanceof Error);
    assert.deepEqual(
      [error.name, error.code, error.message, error.field, error.retryable, error.retryAfterMs],
      ['ParleyError', 'storage_failed', 'Try again.', 'messages.0', true, 5],
    );
    assert.deepEqual([error.internal, error.cause], [{ path: '/data' }, cause]);
  });

  it('is not retryable unless it says so, and has no cause of its own', () => {
    const error = new ParleyError('not_found', 'Nothing.');
    assert.deepEqual(
      [error.retryable, error.field, error.retryAfterMs, error.internal, 'cause' in error],
      [false, undefined, undefined, undefined, false],
    );
  });

  it('has codes in snake_case, each once', () => {
    assert.equal(new Set(errorCodes).size, errorCodes.length);
    for (const code of errorCodes) assert.match(code, /^[a-z]+(_[a-z]+)*$/);
  });
});

describe('asParleyError', () => {
  it('leaves ours as they are', () => {
    const error = new ParleyError('not_found', 'Nothing.');
    assert.equal(asParleyError(error), error);
  });

  it('says of a store with too much to write, or that is away, that a repeat may succeed', () => {
    const thrown = new StorageError('overloaded', 'users: 200000 writes are waiting already');
    const error = asParleyError(thrown);
    assert.deepEqual([error.code, error.retryable, error.retryAfterMs], ['overloaded', true, 1000]);
    assert.doesNotMatch(error.message, /users/);
    const away = asParleyError(new StorageError('unavailable', 'users: disk full'));
    assert.deepEqual([away.code, away.retryable, away.retryAfterMs], ['storage_unavailable', true, 1000]);
    assert.doesNotMatch(away.message, /users|disk/);
  });

  for (const thrown of [new TypeError('password is hunter2'), 'hunter2', undefined, null]) {
    it(`tells nothing of what nobody expected: ${typeof thrown}`, () => {
      const error = asParleyError(thrown);
      assert.deepEqual([error.code, error.retryable], ['internal', false]);
      assert.doesNotMatch(error.message, /hunter2|password/);
      assert.equal(error.cause, thrown);
    });
  }
});
