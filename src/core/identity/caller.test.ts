import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hasScope, ownerOf, type Caller, type Role, type Scope } from './caller.ts';

const key = (keyId: number, ...scopes: Scope[]): Caller => ({
  kind: 'key',
  ip: '192.0.2.1',
  keyId,
  scopes: new Set(scopes),
  requestsPerMinute: null,
});
const anonymous = (ip: string): Caller => ({ kind: 'anonymous', ip });

it('a key reaches its scopes, an administrator’s all of them', () => {
  assert.equal(hasScope(key(1, 'completions'), 'completions'), true);
  assert.equal(hasScope(key(1, 'completions'), 'cache'), false);
  assert.equal(hasScope(key(1, 'cache'), 'admin'), false);
  assert.equal(hasScope(key(1), 'completions'), false);
  for (const scope of ['completions', 'cache', 'admin'] as const) {
    assert.equal(hasScope(key(1, 'admin'), scope), true);
    assert.equal(hasScope(anonymous('192.0.2.1'), scope), true, 'the door judges those without a key');
  }
});

it('each key owns its own; those without one share', () => {
  assert.notEqual(ownerOf(key(1)), ownerOf(key(2)));
  assert.notEqual(ownerOf(key(1)), ownerOf(anonymous('1')));
  assert.equal(ownerOf(anonymous('192.0.2.1')), ownerOf(anonymous('192.0.2.2')));
});

const user = (userId: number, role: Role): Caller => ({
  kind: 'user',
  ip: '192.0.2.1',
  userId,
  loginId: 1,
  contract: 'assistant',
  role,
});

it('users and agents may ask for completions, administrators may do all', () => {
  for (const scope of ['completions', 'cache', 'admin'] as const) {
    assert.equal(hasScope(user(1, 'user'), scope), scope === 'completions');
    assert.equal(hasScope(user(1, 'agent'), scope), scope === 'completions');
    assert.equal(hasScope(user(1, 'admin'), scope), true);
  }
});

it('a user owns the same by every login, and nothing of a key of the same number', () => {
  assert.equal(ownerOf(user(1, 'user')), ownerOf({ ...user(1, 'admin'), ip: '192.0.2.2' }));
  const owners = [user(1, 'user'), user(2, 'user'), key(1), anonymous('1')].map(ownerOf);
  assert.equal(new Set(owners).size, 4);
});
