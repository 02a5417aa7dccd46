import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import type { RouteOptions } from 'fastify';
import { password } from '../../../test/support/accounts.ts';
import { startParley, type Parley } from '../../../test/support/parley.ts';
import { watchDoors } from '../../../test/support/routes.ts';
import {
  contentOf,
  makeStudio,
  studioWith,
  type Headers,
  type Studio,
} from '../../../test/support/studio.ts';

/** A write as it is sent. */
interface Write {
  path: string;
  body?: object;
  /** Another request to the same route, which must not pass for a repeat. */
  other: { path?: string; body?: object };
  /** Changes nothing this time. */
  idle?: boolean;
}

let parley: Parley;
let mina: Studio;
let routes: RouteOptions[];
let database: DatabaseSync;

before(async () => {
  const watched = await watchDoors(() => startParley({ env: { PARLEY_DEFAULT_MODEL: 'parley-local' } }));
  parley = watched.started;
  mina = await makeStudio(parley, 'mina');
  database = new DatabaseSync(parley.config.databaseUrl.slice('sqlite:'.length), { readOnly: true });
  routes = watched.routes.filter(
    ({ method, schema }) =>
      !['GET', 'HEAD'].includes(String(method)) && schema?.tags?.includes('studio') === true,
  );
});
after(async () => {
  database.close();
  await parley.close();
});

let names = 0;
const another = (what: string) => `${what}-${++names}`;

const begun = () => mina.begin('parley-local');
const exchanged = async () => {
  const id = await begun();
  return { id, message: (await mina.exchange(id, 'Hello')).message_id };
};
const account = () => {
  const username = another('somebody');
  return { username, email: `${username}@example.com`, password };
};
const said = (text: string) => ({ content: contentOf(text) });
const parts = { content: [...contentOf('Hello'), ...contentOf('What is Parley?')] };

const writes: Record<string, (() => Promise<Write>)[]> = {
  'POST /auth/register': [
    async () => ({ path: '/auth/register', body: account(), other: { body: account() } }),
  ],
  'POST /conversations': [
    async () => ({
      path: '/conversations',
      body: { model_name: 'parley-local', title: 'One' },
      other: { body: { model_name: 'parley-local', title: 'Another' } },
    }),
  ],
  'PUT /conversations/:conversation_id': [
    async () => ({
      path: `/conversations/${await begun()}`,
      body: { title: 'One' },
      other: { body: { title: 'Another' } },
    }),
    async () => ({
      path: `/conversations/${await begun()}`,
      body: { title: 'One' },
      other: { path: `/conversations/${await begun()}` },
    }),
  ],
  'DELETE /conversations/:conversation_id': [
    async () => ({
      path: `/conversations/${(await exchanged()).id}`,
      other: { path: `/conversations/${await begun()}` },
    }),
  ],
  'POST /conversations/:conversation_id/messages': [
    async () => ({
      path: `/conversations/${await begun()}/messages?wait=true`,
      body: said('Hello'),
      other: { body: said('Goodbye') },
    }),
    async () => ({
      path: `/conversations/${await begun()}/messages?wait=true`,
      body: parts,
      other: { path: `/conversations/${await begun()}/messages?wait=true` },
    }),
  ],
  'POST /conversations/:conversation_id/messages/stream': [
    async () => ({
      path: `/conversations/${await begun()}/messages/stream`,
      body: said('Hello'),
      other: { body: said('Goodbye') },
    }),
  ],
  'POST /conversations/:conversation_id/stop': [
    async () => ({
      path: `/conversations/${await begun()}/stop`,
      other: { path: `/conversations/${await begun()}/stop` },
      idle: true,
    }),
  ],
  'DELETE /messages/:message_id': [
    async () => ({
      path: `/messages/${(await exchanged()).message}`,
      other: { path: `/messages/${(await exchanged()).message}` },
    }),
  ],
};

/** What takes no key: logins, and calls that store nothing but what they cost. */
const without = new Set([
  'POST /auth/login',
  'POST /auth/refresh',
  'POST /auth/logout',
  'POST /bailian/chat/completions',
]);

/** Written behind the requests: what is called, and what it costs. */
const isBehind = (table: string) =>
  table.startsWith('api_calls') || table.startsWith('usage') || table.startsWith('budget');

/** What is stored, but for what changes by itself: table by table. */
function stored(): Record<string, unknown> {
  const tables = database
    .prepare("select name from sqlite_master where type = 'table' and name not like '%search%'")
    .all() as { name: string }[];
  const kept = tables.filter(({ name }) => !isBehind(name));
  return Object.fromEntries(
    kept.map(({ name }) => [name, database.prepare(`select * from "${name}"`).all()]),
  );
}

/** The same without the keys themselves. */
function changed({ idempotency_keys: _, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return rest;
}

/** What is answered to it: its data, or of a stream the message, the reply, and all that was said. */
async function sent(method: string, { path, body }: Pick<Write, 'path' | 'body'>, headers: Headers) {
  const response = await mina.open(method, path, body, headers);
  const text = await response.text();
  if (response.headers.get('content-type')?.startsWith('application/json') === true) {
    const { data, message } = JSON.parse(text) as { data: unknown; message: string };
    return { status: response.status, said: data, message };
  }
  const events = [...text.matchAll(/^data: (.*)$/gmu)].map(
    ([, data = '']) => JSON.parse(data) as { type: string; content?: string },
  );
  const whole = events.map(({ content = '' }) => content).join('');
  const ends = events.filter(({ type }) => type !== 'delta');
  return { status: response.status, said: [whole, ends], message: '' };
}

describe('studio: everything that is written', () => {
  const done: (() => Promise<void>)[] = [];

  test('every write that there is takes a key, and is in the table', () => {
    const nameOf = ({ method, url }: RouteOptions) => `${String(method)} ${url.replace('/api', '')}`;
    const repeatable = routes.filter((route) => !without.has(nameOf(route)));
    assert.deepEqual(repeatable.map(nameOf).sort(), Object.keys(writes).sort());
    for (const route of repeatable) assert.ok(route.schema?.headers !== undefined, nameOf(route));
    assert.equal(routes.length, repeatable.length + without.size);
  });

  for (const [route, cases] of Object.entries(writes)) {
    const [method = ''] = route.split(' ');
    for (const [at, make] of cases.entries()) {
      test(`${route} (${at + 1}) is done once under its key, and its key is good for nothing else`, async () => {
        const write = await make();
        const headers = { 'idempotency-key': another('key') };
        const before = stored();
        const first = await sent(method, write, headers);
        assert.equal(first.status, 200, first.message);
        const between = stored();
        if (write.idle !== true)
          assert.notDeepEqual(changed(between), changed(before), 'it has changed something');
        const again = async () => {
          const repeat = await sent(method, write, headers);
          assert.deepEqual(repeat, first);
        };
        await again();
        assert.deepEqual(stored(), between);
        const others = [
          [method, { ...write, ...write.other }],
          ['POST', { path: '/conversations', body: { model_name: 'parley-local', title: 'Elsewhere' } }],
        ] as const;
        for (const [how, other] of others) {
          if (route === 'POST /auth/register' && other.path !== write.path) continue;
          const refused = await sent(how, other, { ...headers, 'accept-language': 'zh' });
          assert.deepEqual([refused.status, refused.said], [400, null], other.path);
          assert.match(refused.message, /^Idempotency-Key \p{Script=Han}/u);
        }
        assert.deepEqual(stored(), between);
        done.push(again);
      });

      test(`${route} (${at + 1}) is one of two that come at once under its key; the other is refused`, async () => {
        const write = await make();
        const headers = { 'idempotency-key': another('key') };
        const both = [write, { ...write, ...write.other }];
        const answers = await Promise.all(both.map((each) => sent(method, each, headers)));
        const statuses = new Set(answers.map(({ status }) => status));
        assert.deepEqual(statuses, new Set([200, 400]), JSON.stringify(answers));
        const between = stored();
        for (const [index, each] of both.entries()) {
          assert.deepEqual(await sent(method, each, headers), answers[index]);
        }
        assert.deepEqual(stored(), between);
      });

      test(`${route} (${at + 1}) is done once where it comes twice at once`, async () => {
        const write = await make();
        const headers = { 'idempotency-key': another('key') };
        const answers = await Promise.all([1, 2, 3].map(() => sent(method, write, headers)));
        for (const answer of answers) {
          assert.equal(answer.status, 200, answer.message);
          assert.deepEqual(answer, answers[0]);
        }
        const between = stored();
        assert.deepEqual(await sent(method, write, headers), answers[0]);
        assert.deepEqual(stored(), between);
      });
    }
  }

  test('over a restart, too', async () => {
    await parley.restart();
    mina = studioWith(parley, mina.id, mina.headers['authorization']?.slice('Bearer '.length) ?? '');
    const before = stored();
    for (const again of done) await again();
    assert.deepEqual(stored(), before);
  });

  test('what a read leaves is nothing', async () => {
    const { id } = await exchanged();
    const before = stored();
    for (const path of [
      '/auth/user',
      '/conversations',
      `/conversations/${id}`,
      `/conversations/${id}/messages`,
      '/history/api-calls',
      '/history/budget',
      '/history/conversations/statistics',
    ]) {
      assert.equal((await mina.call('GET', path)).status, 200, path);
    }
    assert.deepEqual(stored(), before);
  });
});
