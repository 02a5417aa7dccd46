import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isRetryableStatus, readRetryAfter, statusError, transportError } from './vendor-errors.ts';

const vendor = { name: 'vendor', secrets: ['sk-secret-key'] };
const timeouts = { connectMs: 1, firstByteMs: 2, idleMs: 3, totalMs: 4 };
const now = Date.parse('2026-01-02T03:04:05Z');

describe('readRetryAfter', () => {
  const cases: [string, Record<string, string>, number | undefined][] = [
    ['absent', {}, undefined],
    ['seconds', { 'retry-after': '3' }, 3_000],
    ['fractions of a second', { 'retry-after': '0.25' }, 250],
    ['a date to come', { 'retry-after': 'Fri, 02 Jan 2026 03:04:15 GMT' }, 10_000],
    ['a date gone by', { 'retry-after': 'Fri, 02 Jan 2026 03:04:00 GMT' }, 0],
    ['milliseconds', { 'retry-after-ms': '1500.2' }, 1_501],
    ['milliseconds before seconds', { 'retry-after-ms': '20', 'retry-after': '1' }, 20],
    ['nonsense', { 'retry-after': 'soon' }, undefined],
    ['nonsense in milliseconds', { 'retry-after-ms': '-1', 'retry-after': '2' }, 2_000],
  ];
  for (const [name, headers, expected] of cases)
    test(name, () => assert.equal(readRetryAfter(headers, now), expected));
});

describe('statusError', () => {
  const messageOf = (body: unknown) => statusError(vendor, 400, {}, JSON.stringify(body), now).message;

  test("finds the message in every vendor's shape", () => {
    const expected = 'vendor answered with status 400: No';
    assert.equal(messageOf({ error: { message: 'No' } }), expected);
    assert.equal(messageOf({ error: 'No' }), expected);
    assert.equal(messageOf({ message: 'No' }), expected);
    assert.equal(messageOf({ detail: 'No' }), expected);
  });

  test('tells nothing where there is no message', () => {
    for (const body of [null, 7, [], {}, { error: { message: '' } }, { detail: [{ loc: [] }] }])
      assert.equal(messageOf(body), 'vendor answered with status 400');
  });

  test('a secret at the cut does not show in part', () => {
    const error = messageOf({ error: { message: `${'x'.repeat(260)} sk-secret-key` } });
    assert.ok(!error.includes('sk-'));
  });

  test('an image that a vendor repeats is in neither message nor log', () => {
    const said = `Cannot read data:image/png;base64,${'iVBORw0KGgo+/'.repeat(200)}= at part 2`;
    for (const quoted of [said, said.replaceAll('/', '\\/').replace('data:', 'DATA:')]) {
      const error = statusError(vendor, 400, {}, JSON.stringify({ error: { message: quoted } }), now);
      assert.equal(error.message, 'vendor answered with status 400: Cannot read data:… at part 2');
      assert.ok(!JSON.stringify(error.internal).includes('iVBOR'), 'the log');
    }
    assert.equal(
      messageOf({ error: 'data: none, data:x' }),
      'vendor answered with status 400: data: none, data:x',
    );
  });

  test('line breaks become spaces', () => {
    assert.equal(messageOf({ error: 'a\n\n  b' }), 'vendor answered with status 400: a b');
  });
});

test('which statuses are worth a repeat', () => {
  const retryable = [400, 401, 403, 404, 408, 409, 413, 422, 425, 429, 500, 502, 503, 504, 529].filter(
    isRetryableStatus,
  );
  assert.deepEqual(retryable, [408, 409, 425, 429, 500, 502, 503, 504, 529]);
});

test('transport errors', () => {
  const of = (code: string) => transportError(vendor, timeouts, Object.assign(new Error('boom'), { code }));
  assert.equal(of('UND_ERR_CONNECT_TIMEOUT').message, 'vendor took too long (connect timeout of 1 ms)');
  assert.equal(of('ETIMEDOUT').code, 'provider_timeout');
  assert.equal(of('UND_ERR_HEADERS_TIMEOUT').message, 'vendor took too long (first byte timeout of 2 ms)');
  assert.equal(of('UND_ERR_BODY_TIMEOUT').message, 'vendor took too long (idle timeout of 3 ms)');
  assert.equal(of('ECONNRESET').code, 'provider_failed');
  assert.equal(of('ECONNRESET').retryable, true);
  assert.equal(of('UND_ERR_SOCKET').retryable, true);
  assert.equal(of('UND_ERR_DESTROYED').retryable, false);
});
