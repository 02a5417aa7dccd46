import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import type { RouteOptions } from 'fastify';
import { startHelpdesk, type Helpdesk } from '../../../test/support/desk.ts';
import { eventually } from '../../../test/support/eventually.ts';
import {
  askHelpdesk,
  beginSession,
  messagesOf,
  sendMessage,
  type Headers,
  type HelpdeskError,
} from '../../../test/support/helpdesk.ts';
import { watchDoors } from '../../../test/support/routes.ts';

/** A write as it is sent, and what it leaves in the audit log. */
interface Write {
  as?: 'guest' | 'ann';
  path: string;
  body?: object;
  /** Another request to the same address. */
  other?: object;
  audit: string[];
  /** Changes nothing this time. */
  idle?: boolean;
  /** The status of a repeat, where it is not that of the first. */
  repeated?: number;
  /** What it has begun goes on meanwhile, so that a repeat is told more of it. */
  goesOn?: boolean;
}

type Made = (helpdesk: Helpdesk) => Promise<Write>;

const refund = { title: 'Refunds', content: 'Within 30 days.' };
const nowhere = { url: 'http://127.0.0.1:9/', events: ['note.created'] };

const begun = async ({ parley }: Helpdesk) => (await beginSession(parley, { user_id: 'guest_w' })).session_id;
const waiting = async (helpdesk: Helpdesk) => (await helpdesk.waiting('guest_w', 'Hello?')).id;
const made = async ({ boss }: Helpdesk, path: string, body: object) =>
  (await boss.ask<{ id: number }>('POST', path, body)).id;
let names = 0;
const another = (what: string) => `${what}-${++names}`;
const account = () => ({ email: `${another('person')}@example.com`, password: 'password123' });
const reply = () => ({ shortcut: another('hi'), title: 'Hello', content: 'Hello there.' });

/** Every write of the contract that takes a key, by its route. */
const writes: Record<string, Made[]> = {
  'POST /chat/sessions': [
    async () => ({
      as: 'guest',
      path: '/chat/sessions',
      body: { user_id: 'a' },
      other: { user_id: 'b' },
      audit: [],
    }),
  ],
  'POST /chat/sessions/:session_id/switch-agent': [
    async (helpdesk) => ({ ...(await switched(helpdesk)), as: 'guest', audit: [] }),
    async (helpdesk) => ({ ...(await switched(helpdesk)), as: 'ann', audit: ['conversation.switch'] }),
  ],
  'POST /chat/sessions/:session_id/rating': [
    async (helpdesk) => ({
      as: 'guest',
      path: `/chat/sessions/${await begun(helpdesk)}/rating`,
      body: { score: 5 },
      other: { score: 1 },
      audit: [],
    }),
  ],
  'POST /chat/sessions/:session_id/stop': [
    async (helpdesk) => ({
      as: 'guest',
      path: `/chat/sessions/${await begun(helpdesk)}/stop`,
      audit: [],
      idle: true,
    }),
  ],
  'POST /chat/messages': [
    async (helpdesk) => ({ ...said(await begun(helpdesk)), as: 'guest', audit: [] }),
    async (helpdesk) => {
      const { session } = await helpdesk.waiting('guest_w', 'Hello?');
      return { ...said(session.session_id), as: 'ann', audit: ['conversation.take'] };
    },
  ],
  'PATCH /admin/conversations/:id': [
    async (helpdesk) => ({
      path: `/admin/conversations/${await waiting(helpdesk)}`,
      body: { status: 'resolved', priority: 'high', assignee_id: helpdesk.bob.id, tags: ['vip'] },
      other: { priority: 'low' },
      audit: ['conversation.assign', 'conversation.status', 'conversation.label'],
    }),
    async (helpdesk) => ({
      path: `/admin/conversations/${await waiting(helpdesk)}`,
      body: { priority: 'high' },
      other: { tags: ['vip'] },
      audit: ['conversation.label'],
    }),
  ],
  'POST /admin/conversations/:id/assign': [
    async (helpdesk) => ({
      as: 'ann',
      path: `/admin/conversations/${await waiting(helpdesk)}/assign`,
      body: {},
      other: { assignee_id: helpdesk.bob.id },
      audit: ['conversation.take'],
    }),
    async (helpdesk) => ({
      path: `/admin/conversations/${await waiting(helpdesk)}/assign`,
      body: { assignee_id: helpdesk.bob.id },
      other: {},
      audit: ['conversation.assign'],
    }),
  ],
  'POST /admin/conversations/:id/notes': [
    async (helpdesk) => ({
      as: 'ann',
      path: `/admin/conversations/${await waiting(helpdesk)}/notes`,
      body: { content: 'Be kind.' },
      other: { content: 'Be brief.' },
      audit: ['note.create'],
    }),
  ],
  'PUT /admin/conversations/:id/tags': [
    async (helpdesk) => ({
      as: 'ann',
      path: `/admin/conversations/${await waiting(helpdesk)}/tags`,
      body: { tags: ['vip'] },
      other: { tags: [] },
      audit: ['conversation.label'],
    }),
  ],
  'POST /admin/canned-replies': [
    async () => ({
      path: '/admin/canned-replies',
      body: reply(),
      other: reply(),
      audit: ['canned_reply.create'],
    }),
  ],
  'PUT /admin/canned-replies/:id': [
    async (helpdesk) => ({
      path: `/admin/canned-replies/${await made(helpdesk, '/canned-replies', reply())}`,
      body: { title: 'Hello again' },
      other: { title: 'Goodbye' },
      audit: ['canned_reply.update'],
    }),
  ],
  'DELETE /admin/canned-replies/:id': [
    async (helpdesk) => ({
      path: `/admin/canned-replies/${await made(helpdesk, '/canned-replies', reply())}`,
      audit: ['canned_reply.delete'],
    }),
  ],
  'PUT /admin/agents/:id': [
    async ({ bob }) => ({
      path: `/admin/agents/${bob.id}`,
      body: { capacity: 7 },
      other: { capacity: 8 },
      audit: ['agent.update'],
    }),
  ],
  'PUT /admin/settings': [
    async () => ({
      path: '/admin/settings',
      body: { capacity: 7 },
      other: { capacity: 8 },
      audit: ['settings.update'],
    }),
  ],
  'POST /admin/users': [
    async () => ({ path: '/admin/users', body: account(), other: account(), audit: ['user.create'] }),
  ],
  'PUT /admin/users/:user_id': [
    async (helpdesk) => ({
      path: `/admin/users/${await made(helpdesk, '/users', account())}`,
      body: { full_name: 'Mina Park' },
      other: { full_name: 'Minho Park' },
      audit: ['user.update'],
    }),
  ],
  'DELETE /admin/users/:user_id': [
    async (helpdesk) => ({
      path: `/admin/users/${await made(helpdesk, '/users', account())}`,
      audit: ['user.delete'],
    }),
  ],
  'POST /admin/api-keys': [
    async () => ({
      path: '/admin/api-keys',
      body: { name: 'Shop', scopes: ['completions'] },
      other: { name: 'Shop', scopes: ['cache'] },
      audit: ['api_key.create'],
      // The key was shown once.
      repeated: 409,
    }),
  ],
  'DELETE /admin/api-keys/:id': [
    async (helpdesk) => ({
      path: `/admin/api-keys/${await made(helpdesk, '/api-keys', { name: 'Shop', scopes: ['cache'] })}`,
      audit: ['api_key.revoke'],
    }),
  ],
  'PUT /admin/maintenance': [
    async () => ({
      path: '/admin/maintenance',
      body: { enabled: false },
      other: { enabled: true },
      audit: ['maintenance.set'],
    }),
  ],
  'POST /admin/knowledge': [
    async () => ({
      path: '/admin/knowledge',
      body: refund,
      other: { ...refund, title: 'Returns' },
      audit: ['article.create'],
    }),
  ],
  'PUT /admin/knowledge/:id': [
    async ({ boss }) => {
      const { id, revision } = await boss.ask<{ id: number; revision: number }>('POST', '/knowledge', refund);
      return {
        path: `/admin/knowledge/${id}`,
        body: { content: 'Within 60 days.', revision },
        other: { content: 'Within 90 days.' },
        audit: ['article.update'],
      };
    },
  ],
  'DELETE /admin/knowledge/:id': [
    async (helpdesk) => ({
      path: `/admin/knowledge/${await made(helpdesk, '/knowledge', refund)}`,
      audit: ['article.delete'],
    }),
  ],
  'POST /admin/knowledge/import': [
    async () => ({
      path: '/admin/knowledge/import',
      body: { documents: [{ name: 'a.md', content: '# A\n\nText.' }] },
      other: { documents: [{ name: 'b.md', content: '# B\n\nText.' }] },
      audit: ['article.import'],
    }),
  ],
  'POST /admin/webhooks': [
    async () => ({
      path: '/admin/webhooks',
      body: nowhere,
      other: { ...nowhere, events: ['message.created'] },
      audit: ['webhook.create'],
    }),
  ],
  'PUT /admin/webhooks/:id': [
    async (helpdesk) => ({
      path: `/admin/webhooks/${await made(helpdesk, '/webhooks', nowhere)}`,
      body: { description: 'The shop' },
      other: { description: 'The other shop' },
      audit: ['webhook.update'],
    }),
  ],
  'DELETE /admin/webhooks/:id': [
    async (helpdesk) => ({
      path: `/admin/webhooks/${await made(helpdesk, '/webhooks', nowhere)}`,
      audit: ['webhook.delete'],
    }),
  ],
  'POST /admin/webhooks/:id/rotate-secret': [
    async (helpdesk) => ({
      path: `/admin/webhooks/${await made(helpdesk, '/webhooks', nowhere)}/rotate-secret`,
      audit: ['webhook.rotate'],
    }),
  ],
  'POST /admin/webhooks/:id/deliveries/:delivery_id/retry': [
    async (helpdesk) => {
      const id = await made(helpdesk, '/webhooks', nowhere);
      const delivery = await failedDelivery(helpdesk, id);
      return {
        path: `/admin/webhooks/${id}/deliveries/${delivery}/retry`,
        audit: ['webhook.retry'],
        goesOn: true,
      };
    },
  ],
};

/** What takes no key: logins, what stores nothing, and a trial of a webhook. */
const without = new Set([
  'POST /auth/login',
  'POST /auth/refresh',
  'POST /auth/logout',
  'POST /admin/conversations/:id/suggestions',
  'POST /admin/webhooks/:id/test',
]);

async function switched(helpdesk: Helpdesk) {
  const path = `/chat/sessions/${await begun(helpdesk)}/switch-agent`;
  return { path, body: { agent_type: 'human' }, other: { agent_type: 'ai' } };
}

function said(session_id: string) {
  const path = '/chat/messages';
  return { path, body: { session_id, content: 'Hello' }, other: { session_id, content: 'Bye' } };
}

/** Of a webhook whose receiver is not there. */
async function failedDelivery({ boss, ...helpdesk }: Helpdesk, webhookId: number): Promise<number> {
  const { id } = await helpdesk.waiting('guest_w');
  await boss.ask('POST', `/conversations/${id}/notes`, { content: 'Told to nobody.' });
  return eventually(async () => {
    const { deliveries } = await boss.ask<{ deliveries: { id: number; attempts: number }[] }>(
      'GET',
      `/webhooks/${webhookId}/deliveries`,
    );
    return deliveries.find(({ attempts }) => attempts > 0)?.id;
  });
}

describe('helpdesk: everything that is written', () => {
  let helpdesk: Helpdesk;
  let routes: RouteOptions[];
  let database: DatabaseSync;
  before(async () => {
    const yaml = { webhooks: { allow_http: true, allow_private_addresses: '127.0.0.1' } };
    const watched = await watchDoors(() => startHelpdesk({ yaml }));
    helpdesk = watched.started;
    const { databaseUrl } = helpdesk.parley.config;
    database = new DatabaseSync(databaseUrl.slice('sqlite:'.length), { readOnly: true });
    routes = watched.routes.filter(
      ({ method, schema }) => method !== 'HEAD' && schema?.tags?.includes('helpdesk') === true,
    );
  });
  after(async () => {
    database.close();
    await helpdesk.parley.close();
  });

  /** What is stored, but for what changes by itself: table by table. */
  const stored = () => {
    const tables = database
      .prepare("select name from sqlite_master where type = 'table' and name not like '%search%'")
      .all() as { name: string }[];
    const kept = tables.filter(({ name }) => !changing.has(name));
    return Object.fromEntries(
      kept.map(({ name }) => [name, database.prepare(`select * from "${name}"`).all()]),
    );
  };
  const audited = () =>
    (database.prepare('select action from audit_log order by id').all() as { action: string }[]).map(
      ({ action }) => action,
    );
  const send = ({ as, path }: Write, method: string, body: object | undefined, headers: Headers) => {
    const own = as === 'guest' ? {} : helpdesk[as ?? 'boss'].headers;
    return askHelpdesk<HelpdeskError & { data: object }>(helpdesk.parley, method, path, body, {
      ...own,
      ...headers,
    });
  };

  test('every write that there is takes a key, and is in the table', () => {
    const all = routes.filter(({ method }) => method !== 'GET');
    const nameOf = ({ method, url }: RouteOptions) => `${String(method)} ${url.replace('/api/v1', '')}`;
    const repeatable = all.filter((route) => !without.has(nameOf(route)));
    assert.deepEqual(repeatable.map(nameOf).sort(), Object.keys(writes).sort());
    for (const route of repeatable) assert.ok(route.schema?.headers !== undefined, nameOf(route));
  });

  for (const [route, cases] of Object.entries(writes)) {
    for (const [at, make] of cases.entries()) {
      test(`${route} (${at + 1}) is done once under its key, and told once in the audit log`, async () => {
        const write = await make(helpdesk);
        const [method = ''] = route.split(' ');
        const headers = { 'idempotency-key': another('key') };
        const before = { stored: stored(), audited: audited() };
        const first = await send(write, method, write.body, headers);
        assert.ok(first.status < 300, JSON.stringify(first.body));
        const between = stored();
        assert.deepEqual(audited().slice(before.audited.length), write.audit);
        const { idempotency_keys: _, ...changed } = between;
        const { idempotency_keys: __, ...unchanged } = before.stored;
        if (write.idle !== true) assert.notDeepEqual(changed, unchanged, 'it has changed something');

        const again = await send(write, method, write.body, headers);
        assert.equal(again.status, write.repeated ?? first.status, JSON.stringify(again.body));
        assert.deepEqual(stored(), between);
        if (write.repeated === undefined && write.goesOn !== true) {
          assert.deepEqual(withoutSecret(again.body.data), withoutSecret(first.body.data));
        }
        if (write.other === undefined) return;
        const other = await send(write, method, write.other, headers);
        assert.deepEqual([other.status, other.body.error?.details?.field], [400, 'Idempotency-Key']);
        assert.deepEqual(stored(), between);
      });
    }
  }

  test('what is read leaves nothing; an export, and a trial of a webhook, an entry', async () => {
    const { id, session } = await helpdesk.waiting('guest_w', 'Hello?');
    const { messages } = await messagesOf(helpdesk.parley, session.session_id);
    const webhook = await made(helpdesk, '/webhooks', { ...nowhere, events: ['conversation.rated'] });
    const article = await made(helpdesk, '/knowledge', refund);
    const customers = await helpdesk.boss.ask<{ customers: { id: number }[] }>('GET', '/customers');
    const ids: Record<string, number> = {
      '/api/v1/admin/conversations': id,
      '/api/v1/admin/webhooks': webhook,
      '/api/v1/admin/knowledge': article,
      '/api/v1/admin/customers': customers.customers[0]?.id ?? 0,
    };
    for (const { method, url, schema } of routes.filter((route) => route.method === 'GET')) {
      const [folder = ''] = url.split('/:');
      const path = url
        .replace('/api/v1', '')
        .replace(':session_id', session.session_id)
        .replace(':message_id', messages[0]?.id ?? '')
        .replace(':user_id', String(helpdesk.bob.id))
        .replace(':id', String(ids[folder]));
      const { properties = {} } = (schema?.querystring ?? {}) as { properties?: Record<string, unknown> };
      const before = { stored: stored(), audited: audited() };
      const { headers } = helpdesk.boss;
      const from = `${helpdesk.parley.url}/api/v1${path}${'q' in properties ? '?q=hello' : ''}`;
      const answer = await fetch(from, { method: String(method), headers });
      assert.equal(answer.status, 200, `${path}: ${await answer.text()}`);
      const isExport = url.endsWith('/export');
      assert.deepEqual(audited().slice(before.audited.length), isExport ? ['conversation.export'] : [], path);
      if (!isExport) assert.deepEqual(stored(), before.stored, path);
    }
    const before = audited();
    await helpdesk.boss.ask('POST', `/webhooks/${webhook}/test`);
    assert.deepEqual(audited().slice(before.length), ['webhook.test']);
  });

  test('a guest’s message and its answer are in the history once, however often it was sent', async () => {
    const session = await begun(helpdesk);
    const headers = { 'idempotency-key': another('key') };
    const [first, second] = await Promise.all([
      sendMessage(helpdesk.parley, session, 'Hello', headers),
      sendMessage(helpdesk.parley, session, 'Hello', headers),
    ]);
    assert.deepEqual(first.body, second.body);
    const { messages } = await helpdesk.boss.ask<{ messages: unknown[] }>(
      'GET',
      `/conversations/${session}/messages`,
    );
    assert.equal(messages.length, 2);
  });
});

/** Written behind the requests: calls, and what receivers of webhooks have taken. */
const changing = new Set(['api_calls', 'webhooks', 'webhook_deliveries']);

function withoutSecret(data: object): object {
  return { ...data, secret: undefined };
}
