import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer, makeAccount, tokenOf } from '../../../../test/support/accounts.ts';
import { complete, read, send } from '../../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';

interface Body {
  success: boolean;
  data: {
    id: number;
    api_key: string;
    api_keys: { id: number; prefix: string; revoked_at: string | null }[];
  };
  error: { code: string; message: string; details: { field: string; issue: string } | null };
}

describe('helpdesk: API keys', () => {
  let parley: Parley;
  let admin: Record<string, string>;
  before(async () => {
    parley = await startParley({ env: { PARLEY_OPEN_GATEWAY: 'false' } });
    await makeAccount(parley, 'boss', 'admin');
    admin = bearer(await tokenOf(parley, 'boss'));
  });
  after(() => parley.close());

  const ask = (method: string, path = '', body?: unknown, headers = admin) =>
    read<Body>(send(`${parley.url}/api/v1/admin/api-keys${path}`, method, body, headers));

  test('a key is made, works, is listed without itself, is revoked and works no more', async () => {
    const made = await ask('POST', '', { name: 'shop', scopes: ['completions'] });
    assert.equal(made.status, 201);
    assert.match(made.body.data.api_key, /^pk_/u);
    const key = { 'x-api-key': made.body.data.api_key };
    assert.equal((await complete(parley.url, { message: 'Hello' }, key)).status, 200);

    const listed = await ask('GET');
    const row = listed.body.data.api_keys.find(({ id }) => id === made.body.data.id);
    assert.ok(row !== undefined && made.body.data.api_key.startsWith(row.prefix));
    assert.ok(!JSON.stringify(listed.body).includes(made.body.data.api_key));

    assert.equal((await ask('DELETE', `/${made.body.data.id}`)).status, 200);
    assert.equal((await complete(parley.url, { message: 'Hello' }, key)).status, 401);
    const again = await ask('DELETE', `/${made.body.data.id}`);
    assert.deepEqual([again.status, again.body.error.code], [404, 'NOT_FOUND']);
  });

  for (const [what, body, field] of [
    ['no name', { scopes: ['cache'] }, 'name'],
    ['a blank name', { name: ' ', scopes: ['cache'] }, 'name'],
    ['an unknown scope', { name: 'x', scopes: ['everything'] }, 'scopes.0'],
    ['no scope', { name: 'x', scopes: [] }, 'scopes'],
    ['a past expiry', { name: 'x', scopes: ['cache'], expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
    ['no time', { name: 'x', scopes: ['cache'], expires_at: 'tomorrow' }, 'expires_at'],
    ['a limit of nothing', { name: 'x', scopes: ['cache'], requests_per_minute: 0 }, 'requests_per_minute'],
  ] as const) {
    test(`${what} is refused, the field named`, async () => {
      const { status, body: answer } = await ask('POST', '', body);
      assert.deepEqual([status, answer.success, answer.error.code], [400, false, 'VALIDATION_ERROR']);
      assert.equal(answer.error.details?.field, field);
    });
  }

  test('errors are Chinese unless English is preferred', async () => {
    const chinese = await ask('DELETE', '/999');
    const english = await ask('DELETE', '/999', undefined, { ...admin, 'accept-language': 'en-GB,zh;q=0.5' });
    assert.equal(chinese.body.error.message, '资源不存在');
    assert.match(english.body.error.message, /no such API key/u);
  });
});

test('administrative calls are limited per person, not per address', async (t) => {
  const parley = await startParley({
    env: { PARLEY_RATE_LIMITS: 'on' },
    yaml: { limits: { helpdesk: { admin_calls_per_minute: 2 } } },
  });
  t.after(() => parley.close());
  await makeAccount(parley, 'first', 'admin');
  await makeAccount(parley, 'second', 'admin');
  const first = bearer(await tokenOf(parley, 'first'));
  const second = bearer(await tokenOf(parley, 'second'));
  const list = (headers: Record<string, string>) =>
    read<Body>(send(`${parley.url}/api/v1/admin/api-keys`, 'GET', undefined, headers));
  assert.deepEqual([(await list(first)).status, (await list(first)).status], [200, 200]);
  const refused = await list(first);
  assert.deepEqual([refused.status, refused.body.error.code], [429, 'RATE_LIMIT_EXCEEDED']);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal((await list(second)).status, 200);
});
