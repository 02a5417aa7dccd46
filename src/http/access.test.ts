import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fastify from 'fastify';
import { ParleyError } from '../core/errors.ts';
import type { Caller, Scope } from '../core/identity/caller.ts';
import { accessPolicyOf, demandScope, requireScope } from './access.ts';

describe('accessPolicyOf', () => {
  for (const [host, setting, open, openToChanges] of [
    ['127.0.0.1', null, true, true],
    ['127.1.2.3', null, true, true],
    ['localhost', null, true, true],
    ['::1', null, true, true],
    ['0.0.0.0', null, false, false],
    ['::', null, false, false],
    ['192.168.0.2', null, false, false],
    ['127.evil.example', null, false, false],
    ['127.0.0.1.example', null, false, false],
    ['0.0.0.0', true, true, false],
    ['0.0.0.0', false, false, false],
    ['127.0.0.1', false, false, false],
    ['127.0.0.1', true, true, true],
  ] as const) {
    it(`${host}, set to ${setting}: ${open ? 'open' : 'closed'}`, () => {
      assert.deepEqual(accessPolicyOf(host, setting), { open, openToChanges });
    });
  }
});

const anonymous: Caller = { kind: 'anonymous', ip: '192.0.2.1' };
const key = (...scopes: Scope[]): Caller => ({
  kind: 'key',
  ip: '192.0.2.1',
  keyId: 1,
  scopes: new Set(scopes),
  requestsPerMinute: null,
});
const closed = { open: false, openToChanges: false };
const half = { open: true, openToChanges: false };
const open = { open: true, openToChanges: true };

describe('requireScope', () => {
  for (const [what, policy, caller, scope, code] of [
    ['nobody, closed', closed, anonymous, 'completions', 'unauthorized'],
    ['nobody, open', half, anonymous, 'completions', undefined],
    ['nobody, open but not to changes', half, anonymous, 'cache', 'unauthorized'],
    ['nobody, open to all', open, anonymous, 'cache', undefined],
    ['a key with the scope', closed, key('completions'), 'completions', undefined],
    ['a key without it', closed, key('completions'), 'cache', 'forbidden'],
    ['a key without it where strangers may', open, key('completions'), 'cache', 'forbidden'],
    ['an administrator’s key', closed, key('admin'), 'cache', undefined],
    ['a key without scopes', open, key(), 'completions', 'forbidden'],
  ] as const) {
    it(`${what}: ${code ?? 'may'}`, () => {
      if (code === undefined) requireScope(policy, caller, scope);
      else assert.throws(() => requireScope(policy, caller, scope), { name: 'ParleyError', code });
    });
  }
});

it('demandScope refuses before the body is read', async (t) => {
  const app = fastify();
  t.after(() => app.close());
  let read = false;
  app.decorateRequest('caller', undefined as never);
  app.addHook('onRequest', (request, _reply, done) => {
    request.caller = request.headers['x-api-key'] === undefined ? anonymous : key('cache');
    done();
  });
  app.addHook('preParsing', (_request, _reply, payload, done) => {
    read = true;
    done(null, payload);
  });
  app.setErrorHandler((error, _request, reply) =>
    reply.code(401).send(error instanceof ParleyError ? error.code : 'other'),
  );
  app.post('/', { onRequest: demandScope(closed, 'cache') }, () => 'done');
  const refused = await app.inject({ method: 'POST', url: '/', payload: { a: 1 } });
  assert.deepEqual([refused.body, read], ['unauthorized', false]);
  const taken = await app.inject({ method: 'POST', url: '/', payload: {}, headers: { 'x-api-key': 'pk_1' } });
  assert.deepEqual([taken.body, read], ['done', true]);
});
