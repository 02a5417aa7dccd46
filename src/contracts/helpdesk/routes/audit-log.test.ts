import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Answered } from '../../../../test/support/gateway.ts';
import {
  askHelpdesk,
  joinHelpdesk,
  type Headers,
  type HelpdeskError,
  type Success,
} from '../../../../test/support/helpdesk.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';

interface Entry {
  id: number;
  at: string;
  actor: { id: number; name: string };
  ip: string | null;
  action: string;
  target: { type: string; id: string | null };
  details: Record<string, unknown> | null;
}

type Entries = Success<{ entries: Entry[]; total: number; has_more: boolean }> & HelpdeskError;

describe('helpdesk: the audit log', () => {
  let parley: Parley;
  let admin: { id: number; headers: Headers };
  const ask = <T>(
    method: string,
    path: string,
    body?: unknown,
    headers = admin.headers,
  ): Promise<Answered<T>> => askHelpdesk<T>(parley, method, `/admin/${path}`, body, headers);
  const list = async (query = '') => (await ask<Entries>('GET', `audit-log${query}`)).body.data;

  before(async () => {
    parley = await startParley();
    admin = await joinHelpdesk(parley, 'boss', 'admin');
  });
  after(() => parley.close());

  test('says what administrators did, to what, and nothing secret', async () => {
    type Made = Success<{ id: number; api_key: string }> & HelpdeskError;
    const headers = { ...admin.headers, 'idempotency-key': 'key-1' };
    const key = { name: 'shop', scopes: ['cache'] };
    const made = await ask<Made>('POST', 'api-keys', key, headers);
    const { id, api_key } = made.body.data;
    const repeated = await ask<Made>('POST', 'api-keys', key, headers);
    assert.deepEqual([repeated.status, repeated.body.error.code], [409, 'CONFLICT']);
    assert.equal(repeated.body.error.details?.['api_key_id'], id);
    await ask('DELETE', `api-keys/${id}`);
    await ask('PUT', 'maintenance', { enabled: false });

    const { entries } = await list('?limit=3');
    assert.deepEqual(
      entries.map(({ action, target, actor, ip }) => [action, target, actor.id, ip]),
      [
        ['maintenance.set', { type: 'setting', id: 'maintenance' }, admin.id, '127.0.0.1'],
        ['api_key.revoke', { type: 'api_key', id: String(id) }, admin.id, '127.0.0.1'],
        ['api_key.create', { type: 'api_key', id: String(id) }, admin.id, '127.0.0.1'],
      ],
    );
    assert.deepEqual(entries[2]?.details, key);
    assert.match(entries[2]?.at ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/u);
    assert.ok(!JSON.stringify(entries).includes(api_key.slice(0, 8)));
  });

  test('is read page by page, and by what is looked for', async () => {
    const page = await list('?limit=1&offset=1');
    assert.deepEqual(
      [page.entries.length, page.entries[0]?.action, page.has_more],
      [1, 'api_key.revoke', true],
    );
    const made = await list('?action=api_key.create');
    assert.deepEqual([made.total, made.has_more], [1, false]);
    const [{ at, target } = assert.fail()] = made.entries;
    const exact = `?target_type=api_key&target_id=${target.id}&from=${at}&to=${at}&actor_id=${admin.id}`;
    assert.ok((await list(exact)).entries.some(({ action }) => action === 'api_key.create'));
    assert.equal((await list('?actor_id=987654')).total, 0);
  });

  for (const [query, field] of [
    ['from=yesterday', 'from'],
    ['from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'from'],
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['offset=-1', 'offset'],
    ['offset=10001', 'offset'],
    ['actor_id=x', 'actor_id'],
    ['target_id=1', 'target_type'],
  ]) {
    test(`refuses ${query}`, async () => {
      const { status, body } = await ask<Entries>('GET', `audit-log?${query}`);
      assert.deepEqual(
        [status, body.error.code, body.error.details?.field],
        [400, 'VALIDATION_ERROR', field],
      );
    });
  }

  test('is for administrators only', async () => {
    const agent = await joinHelpdesk(parley, 'agent', 'agent');
    const { status, body } = await ask<Entries>('GET', 'audit-log', undefined, agent.headers);
    assert.deepEqual([status, body.error.code], [403, 'FORBIDDEN']);
  });
});
