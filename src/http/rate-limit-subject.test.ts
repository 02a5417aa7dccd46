import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Caller } from '../core/identity/caller.ts';
import { limitFor } from './rate-limit.ts';

const door = { name: 'door', points: 60, burst: 0, windowMs: 60_000 };
const anonymous: Caller = { kind: 'anonymous', ip: '192.0.2.1' };
const user = (userId: number, ip: string): Caller => ({
  kind: 'user',
  ip,
  userId,
  loginId: 1,
  contract: 'assistant',
  role: 'user',
});
const key = (requestsPerMinute: number | null): Caller => ({
  kind: 'key',
  ip: '192.0.2.1',
  keyId: 7,
  scopes: new Set(['completions']),
  requestsPerMinute,
});

it('a door counts addresses, users among them', () => {
  for (const caller of [anonymous, user(1, '192.0.2.1'), key(null)]) {
    assert.deepEqual(limitFor(caller, door), { limit: door, subject: '192.0.2.1' });
  }
});

it('a door that counts users counts them by whichever address, and others by theirs', () => {
  const limit = { ...door, per: 'user' as const };
  const subjects = [user(1, '192.0.2.1'), user(1, '192.0.2.2'), user(2, '192.0.2.1'), anonymous].map(
    (caller) => limitFor(caller, limit).subject,
  );
  assert.deepEqual(subjects, ['user:1', 'user:1', 'user:2', '192.0.2.1']);
});

it('a door that counts callers counts users and keys by whichever address, and others by theirs', () => {
  const limit = { ...door, per: 'caller' as const };
  const subjects = [user(1, '192.0.2.2'), key(null), anonymous].map(
    (caller) => limitFor(caller, limit).subject,
  );
  assert.deepEqual(subjects, ['user:1', 'key:7', '192.0.2.1']);
});

it('a key with a limit of its own has that, at every door', () => {
  const { limit, subject } = limitFor(key(5), door);
  assert.deepEqual([limit.name, limit.points, subject], ['key', 5, '7']);
});
