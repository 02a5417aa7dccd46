import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FastifyRequest } from 'fastify';
import {
  conflict,
  errorCodes,
  invalidField,
  ParleyError,
  type ErrorCode,
  type ErrorOptions,
} from '../../core/errors.ts';
import { errorShapeFor } from './errors.ts';

const asked = (language?: string) => ({ headers: { 'accept-language': language } }) as FastifyRequest;
const present = (error: ParleyError, language?: string) => errorShapeFor(asked(language)).present(error);
const said = (error: ParleyError, language?: string) =>
  (present(error, language) as { message: string }).message;

/** studio.md, "状态码说明", and what contracts/README adds. */
const documented: Record<ErrorCode, number> = {
  invalid_request: 400,
  model_not_found: 400,
  unauthorized: 401,
  wrong_credentials: 401,
  token_expired: 401,
  token_invalid: 401,
  account_disabled: 403,
  forbidden: 403,
  quota_exceeded: 403,
  not_found: 404,
  already_taken: 409,
  conflict: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  budget_exceeded: 429,
  cancelled: 499,
  storage_failed: 500,
  storage_unavailable: 503,
  internal: 500,
  provider_failed: 503,
  provider_timeout: 503,
  overloaded: 503,
  maintenance: 503,
  interrupted: 503,
};

describe('studio: errors', () => {
  for (const code of errorCodes) {
    test(`${code} is ${documented[code]}, in Chinese unless English is preferred`, () => {
      const error = new ParleyError(code, 'What happened.');
      const shape = errorShapeFor(asked());
      assert.equal(shape.statusOf(code), documented[code]);
      const { message, ...rest } = shape.present(error) as { message: string };
      assert.deepEqual(rest, { code: documented[code], data: null });
      assert.match(message, /\p{Script=Han}/u);
      assert.deepEqual(present(error, 'en'), {
        code: documented[code],
        message: 'What happened.',
        data: null,
      });
    });
  }

  test('name the field in either language, as clients spell it', () => {
    const error = invalidField('content.0.image_url.url', { kind: 'media_url' });
    assert.equal(said(error), 'content.0.image_url.url 必须是 https: 地址或 data: URL');
    assert.equal(said(error, 'en'), 'content.0.image_url.url: must be an https: address or a data: URL');
    assert.equal(said(invalidField('email', { kind: 'email' })), 'email 格式不正确');
    const wordless = new ParleyError('invalid_request', 'x: no.', { field: 'x' });
    assert.equal(said(wordless), 'x 不正确');
  });

  test('say in words what is of no field', () => {
    assert.equal(said(conflict({ kind: 'with_agent', name: '客服小王' })), '此对话正由“客服小王”处理');
  });

  test('say an administrator’s and a vendor’s words as they are', () => {
    const verbatim: ErrorOptions = { verbatim: true };
    assert.equal(said(new ParleyError('maintenance', 'Back at 18:00.', verbatim)), 'Back at 18:00.');
  });
});
