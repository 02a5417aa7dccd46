import assert from 'node:assert/strict';
import { it } from 'node:test';
import { errorShape as assistantShape } from '../contracts/assistant/errors.ts';
import { errorShape as companionShape } from '../contracts/companion/errors.ts';
import { errorCodes, ParleyError } from '../core/errors.ts';
import { forEitherClient } from './error-answer.ts';

it('a refusal of credentials at the address of two contracts is what either would say', () => {
  for (const code of ['unauthorized', 'token_expired', 'token_invalid'] as const) {
    const error = new ParleyError(code, 'Log in first.');
    for (const shape of [assistantShape, companionShape]) {
      assert.equal(shape.statusOf(code), 401);
      assert.equal(forEitherClient(shape).statusOf(code), 401);
      assert.deepEqual(forEitherClient(shape).present(error), {
        ...assistantShape.present(error),
        ...companionShape.present(error),
      });
    }
  }
});

it('all else there is said by the contract whose token was shown', () => {
  for (const code of errorCodes) {
    if (['unauthorized', 'token_expired', 'token_invalid'].includes(code)) continue;
    const error = new ParleyError(code, 'No.', { field: 'message' });
    for (const shape of [assistantShape, companionShape]) {
      assert.deepEqual(forEitherClient(shape).present(error), shape.present(error));
      assert.equal(forEitherClient(shape).statusOf(code), shape.statusOf(code));
    }
  }
});
