import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FastifyRequest } from 'fastify';
import {
  conflict as conflictOf,
  errorCodes,
  invalidField,
  ParleyError,
  type ErrorCode,
} from '../../core/errors.ts';
import { errorShapeFor, sessionErrorShapeFor } from './errors.ts';

const asked = (language?: string) => ({ headers: { 'accept-language': language } }) as FastifyRequest;
type Body = { success: boolean; error: { code: string; message: string; details: object | null } };

/** helpdesk.md, "常见错误码", and what contracts/README adds. */
const documented: [ErrorCode, number, string][] = [
  ['invalid_request', 400, 'VALIDATION_ERROR'],
  ['already_taken', 400, 'VALIDATION_ERROR'],
  ['unauthorized', 401, 'UNAUTHORIZED'],
  ['wrong_credentials', 401, 'UNAUTHORIZED'],
  ['token_expired', 401, 'UNAUTHORIZED'],
  ['token_invalid', 401, 'UNAUTHORIZED'],
  ['forbidden', 403, 'FORBIDDEN'],
  ['account_disabled', 403, 'FORBIDDEN'],
  ['not_found', 404, 'NOT_FOUND'],
  ['conflict', 409, 'CONFLICT'],
  ['rate_limited', 429, 'RATE_LIMIT_EXCEEDED'],
  ['provider_failed', 500, 'AI_SERVICE_ERROR'],
  ['provider_timeout', 500, 'AI_SERVICE_ERROR'],
  ['storage_failed', 500, 'DATABASE_ERROR'],
];

describe('helpdesk: errors', () => {
  for (const [code, status, name] of documented) {
    test(`${code} is ${status} ${name}`, () => {
      const shape = errorShapeFor(asked());
      assert.equal(shape.statusOf(code), status);
      const { success, error } = shape.present(new ParleyError(code, 'What happened.')) as Body;
      assert.deepEqual([success, error.code], [false, name]);
      const details = name === 'VALIDATION_ERROR' ? { field: 'body', issue: error.message } : null;
      assert.deepEqual(
        error.details,
        code === 'invalid_request' ? { field: 'body', issue: '请求体不正确' } : details,
      );
    });
  }

  test('every code has a status of a failure, and words in Chinese', () => {
    for (const code of errorCodes) {
      const shape = errorShapeFor(asked());
      assert.ok(shape.statusOf(code) >= 400, code);
      const { error } = shape.present(new ParleyError(code, 'What happened.')) as Body;
      assert.match(error.message, /\p{Script=Han}/u);
    }
  });

  test('an administrator’s own words are said as they are', () => {
    const error = new ParleyError('maintenance', 'Back at 18:00.', { verbatim: true });
    assert.equal((errorShapeFor(asked()).present(error) as Body).error.message, 'Back at 18:00.');
    const ours = new ParleyError('maintenance', 'Try again later.');
    assert.equal((errorShapeFor(asked()).present(ours) as Body).error.message, '系统维护中，请稍后再试');
  });

  test('what is not found in a session’s address is the session', () => {
    const shape = sessionErrorShapeFor(asked());
    const { error } = shape.present(new ParleyError('not_found', 'Nothing.')) as Body;
    assert.deepEqual([error.code, error.message], ['SESSION_NOT_FOUND', '会话不存在']);
  });

  test('details are about the field, in the language of the request, or facts', () => {
    const refusal = invalidField('content', { kind: 'empty' });
    const conflict = new ParleyError('conflict', 'Taken.', {
      facts: { assignee: { id: 1, name: '客服小王' } },
    });
    const wordy = conflictOf({ kind: 'with_agent', name: '小王' });
    const told = (language?: string) => (errorShapeFor(asked(language)).present(wordy) as Body).error;
    assert.deepEqual([told().message, told().details], ['此对话正由“小王”处理', null]);
    assert.equal(told('en').message, '小王 has this conversation.');
    const wordless = new ParleyError('invalid_request', 'No such thing.', { field: 'x' });
    const detailsOf = (error: ParleyError, language?: string) =>
      (errorShapeFor(asked(language)).present(error) as Body).error.details;
    assert.deepEqual(detailsOf(refusal), { field: 'content', issue: '内容不能为空' });
    assert.deepEqual(detailsOf(refusal, 'en'), { field: 'content', issue: 'must not be empty' });
    assert.deepEqual(detailsOf(conflict), { assignee: { id: 1, name: '客服小王' } });
    assert.deepEqual(detailsOf(wordless), { field: 'x', issue: 'x 不正确' });
    assert.deepEqual(detailsOf(wordless, 'en'), { field: 'x', issue: 'No such thing.' });
  });
});
