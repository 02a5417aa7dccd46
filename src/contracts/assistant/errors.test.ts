import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes, ParleyError, type ErrorCode } from '../../core/errors.ts';
import { errorShape } from './errors.ts';

/** assistant.md, "Error Codes", and contracts/README, "assistant". */
const documented: [ErrorCode, number, string][] = [
  ['wrong_credentials', 401, 'AUTH001'],
  ['token_expired', 401, 'AUTH002'],
  ['token_invalid', 401, 'AUTH003'],
  ['unauthorized', 401, 'AUTH003'],
  ['account_disabled', 403, 'AUTH004'],
  ['forbidden', 403, 'AUTH004'],
  ['invalid_request', 400, 'REQ001'],
  ['already_taken', 400, 'REQ003'],
  ['rate_limited', 429, 'RATE001'],
  ['provider_failed', 502, 'CHAT002'],
  ['provider_timeout', 502, 'CHAT002'],
  ['not_found', 404, 'CHAT003'],
  ['quota_exceeded', 403, 'CHAT001'],
  ['budget_exceeded', 403, 'CHAT001'],
  ['interrupted', 502, 'CHAT002'],
  ['maintenance', 503, 'SYS001'],
  ['overloaded', 503, 'SYS002'],
];

for (const [code, status, businessCode] of documented) {
  test(`${code} is ${status} ${businessCode}`, () => {
    assert.equal(errorShape.statusOf(code), status);
    assert.deepEqual(errorShape.present(new ParleyError(code, 'What happened.', { field: 'name' })), {
      error: { code: businessCode, message: 'What happened.', details: 'name' },
    });
  });
}

test('every code has a status of a failure, and details that are a string', () => {
  for (const code of errorCodes) {
    assert.ok(errorShape.statusOf(code) >= 400, code);
    const { error } = errorShape.present(new ParleyError(code, 'What happened.')) as {
      error: { code: string; details: string };
    };
    assert.match(error.code, /^(AUTH|REQ|RATE|CHAT|SYS)\d{3}$/u);
    assert.equal(error.details, '');
  }
});
