import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fastify from 'fastify';
import { ParleyError } from '../core/errors.ts';
import type { Caller } from '../core/identity/caller.ts';
import { createMemoryLimits } from '../core/limits/memory-limits.ts';
import { limitFor, rateLimited, takeAllowance, takeSocketAllowance } from './rate-limit.ts';

const now = Date.UTC(2026, 0, 1, 12);
const door = { name: 'door', points: 2, burst: 1, windowMs: 60_000 };
const anonymous = (ip: string): Caller => ({ kind: 'anonymous', ip });
const key = (keyId: number, requestsPerMinute: number | null): Caller => ({
  kind: 'key',
  ip: '192.0.2.1',
  keyId,
  scopes: new Set(['completions']),
  requestsPerMinute,
});

describe('limitFor', () => {
  it('is the door’s per address, for keys without a limit too', () => {
    const expected = { limit: door, subject: '192.0.2.1' };
    assert.deepEqual(limitFor(anonymous('192.0.2.1'), door), expected);
    assert.deepEqual(limitFor(key(1, null), door), expected);
  });

  it('is the key’s own where it has one, the same at every door', () => {
    const limit = { name: 'key', points: 5, burst: 0, windowMs: 60_000 };
    assert.deepEqual(limitFor(key(1, 5), door), { limit, subject: '1' });
    assert.deepEqual(limitFor(key(1, 5), { ...door, name: 'other' }), { limit, subject: '1' });
  });
});

function createTested(t: TestContext) {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now });
  const app = fastify();
  t.after(() => app.close());
  const limits = createMemoryLimits();
  app.get<{ Querystring: { ip: string } }>('/', async (request, reply) => {
    await takeAllowance(limits, anonymous(request.query.ip), door, reply, Date.now());
    return 'done';
  });
  app.setErrorHandler((error, _request, reply) =>
    reply.code(429).send(error instanceof ParleyError ? error.retryAfterMs : 'other'),
  );
  return { limits, ask: (ip: string) => app.inject({ url: '/', query: { ip } }) };
}

describe('takeAllowance', () => {
  it('announces what is left in each reply, the refused ones too', async (t) => {
    const { ask } = createTested(t);
    const seen = [];
    for (let i = 0; i < 4; i++) {
      const { statusCode, headers } = await ask('a');
      seen.push([
        statusCode,
        ...['limit', 'remaining', 'reset'].map((name) => headers[`x-ratelimit-${name}`]),
      ]);
    }
    const reset = '2026-01-01T12:01:00Z';
    assert.deepEqual(seen, [
      [200, '2', '1', reset],
      [200, '2', '0', reset],
      [200, '2', '0', reset],
      [429, '2', '0', reset],
    ]);
  });

  it('says when to come back, and keeps its word', async (t) => {
    const { ask } = createTested(t);
    for (let i = 0; i < 3; i++) await ask('a');
    t.mock.timers.tick(20_500);
    const refused = await ask('a');
    assert.deepEqual([refused.statusCode, refused.body], [429, '39500']);
    assert.equal((await ask('b')).statusCode, 200);
    t.mock.timers.tick(39_500);
    const { statusCode, headers } = await ask('a');
    assert.deepEqual([statusCode, headers['x-ratelimit-reset']], [200, '2026-01-01T12:02:00Z']);
  });

  it('gives the end of the window as a full second that is not before it', async (t) => {
    const { ask } = createTested(t);
    t.mock.timers.tick(1);
    assert.equal((await ask('a')).headers['x-ratelimit-reset'], '2026-01-01T12:01:01Z');
  });
});

it('takeSocketAllowance counts with the same numbers', async (t) => {
  const { limits, ask } = createTested(t);
  for (let i = 0; i < 2; i++) await takeSocketAllowance(limits, anonymous('a'), door);
  await ask('a');
  await assert.rejects(takeSocketAllowance(limits, anonymous('a'), door), { code: 'rate_limited' });
});

describe('rateLimited', () => {
  it('tells the limit and the wait, a second at least', () => {
    const { code, message, retryable, retryAfterMs } = rateLimited({ limit: 5, resetMs: 1_200 });
    assert.deepEqual([code, retryable, retryAfterMs], ['rate_limited', true, 1_200]);
    assert.match(message, /5 a minute.*in 2 s/);
    assert.match(rateLimited({ limit: 5, resetMs: 0 }).message, /in 1 s/);
  });
});
