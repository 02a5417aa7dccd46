import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RouteOptions } from 'fastify';
import { read, send } from '../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../test/support/parley.ts';
import { watchDoors } from '../../../test/support/routes.ts';
import { makeStudio, type Envelope, type Headers, type Studio } from '../../../test/support/studio.ts';

interface Schema {
  properties?: Record<string, { type?: string; minimum?: number; maximum?: number }>;
  required?: string[];
  examples?: Record<string, unknown>[];
}

/** A request that is refused, and what its message says is at fault. */
interface Bad {
  what: string;
  status: number;
  names: string;
  url?: string;
  body?: unknown;
  headers?: Headers;
}

const languages = ['zh-CN', 'en'] as const;

describe('studio: every refusal of every address', () => {
  let parley: Parley;
  let mina: Studio;
  let conversation: number;
  let routes: RouteOptions[];
  before(async () => {
    const start = () => startParley({ yaml: { limits: { body_bytes: 5_000, image_body_bytes: 6_000 } } });
    const watched = await watchDoors(start);
    parley = watched.started;
    routes = watched.routes.filter(
      ({ method, schema }) => method !== 'HEAD' && schema?.tags?.includes('studio') === true,
    );
    mina = await makeStudio(parley, 'mina');
    conversation = await mina.begin();
  });
  after(() => parley.close());

  const at = ({ url }: RouteOptions, id: number | string = conversation) => url.replace(/:\w+/u, String(id));
  const ask = ({ method }: RouteOptions, url: string, { body, headers }: Partial<Bad>, language: string) =>
    read<Envelope<null>>(
      send(`${parley.url}${url}`, method as string, body, {
        ...mina.headers,
        'accept-language': language,
        ...headers,
      }),
    );

  test('has the envelope, its status, and the field in the message, in the language of the request', async () => {
    assert.ok(routes.length > 18, 'the addresses were found');
    for (const route of routes) {
      for (const bad of badRequests(route, at)) {
        for (const language of languages) {
          const answer = await ask(route, bad.url ?? at(route), bad, language);
          const about = `${String(route.method)} ${route.url}, ${bad.what}: ${JSON.stringify(answer.body)}`;
          assert.equal(answer.status, bad.status, about);
          assertRefusal(answer.body, bad.status, language, about);
          assert.ok(answer.body.message.includes(bad.names), about);
        }
      }
    }
  });

  test('without a login, too', async () => {
    const closed = routes.filter(({ schema }) => (schema?.security ?? []).length > 0);
    assert.ok(closed.length > 15, 'most want a login');
    for (const route of closed) {
      for (const authorization of ['', 'Bearer x', 'Bearer a.b.c']) {
        for (const language of languages) {
          const { status, body } = await ask(route, at(route), { headers: { authorization } }, language);
          const about = `${String(route.method)} ${route.url}, ${authorization}`;
          assert.equal(status, 401, about);
          assertRefusal(body, 401, language, about);
        }
      }
    }
  });

  test('where nothing is', async () => {
    for (const [method, url] of [
      ['GET', '/api/nothing'],
      ['POST', '/api/auth/nothing'],
      ['PATCH', '/api/conversations/1'],
      ['DELETE', '/api/auth/user'],
      ['GET', '/api/bailian/chat/completions'],
      ['POST', '/api/v2/chat'],
    ] as const) {
      for (const language of languages) {
        const { status, body } = await ask({ method } as RouteOptions, url, {}, language);
        assert.equal(status, 404);
        assertRefusal(body, 404, language, url);
        assert.ok(body.message.includes(`${method} ${url}`), body.message);
      }
    }
  });

  test('where the address is none', async () => {
    for (const language of languages) {
      const { status, body } = await ask(
        { method: 'GET' } as RouteOptions,
        '/api/conversations/%ff',
        {},
        language,
      );
      assert.equal(status, 400);
      assertRefusal(body, 400, language, '%ff');
    }
  });
});

function badRequests(route: RouteOptions, at: (route: RouteOptions, id?: string) => string): Bad[] {
  const { params, querystring, headers } = (route.schema ?? {}) as Record<string, Schema | undefined>;
  const body = route.schema?.body as Schema | undefined;
  const [good] = body?.examples ?? [];
  assert.ok(body === undefined || good !== undefined, `${route.url}: a body that can be sent has an example`);
  const sent = good && { body: good };
  const byAddress = Object.keys(params?.properties ?? {}).flatMap((name) =>
    ['x', '1.5', 'sess_x'].map((id) => ({ status: 400, what: id, names: name, url: at(route, id), ...sent })),
  );
  const byQuery = Object.entries(querystring?.properties ?? {}).flatMap(([name, schema]) =>
    badTexts(schema).map((value) => ({
      what: `?${name}=${value}`,
      status: 400,
      names: `${name}`,
      url: `${at(route)}?${name}=${value}`,
      ...sent,
    })),
  );
  const byKey = ['two words', 'x'.repeat(256)].map((key) => ({
    what: `the key ${key.slice(0, 9)}`,
    status: 400,
    names: 'Idempotency-Key',
    headers: { 'idempotency-key': key },
    ...sent,
  }));
  return [...byAddress, ...byQuery, ...(headers ? byKey : []), ...badBodies(body, good)];
}

function badTexts({
  type,
  minimum,
  maximum,
}: {
  type?: string;
  minimum?: number;
  maximum?: number;
}): string[] {
  if (type === 'boolean') return ['perhaps'];
  if (type !== 'integer') return [];
  return ['x', '1.5', '', `${(minimum ?? 0) - 1}`, `${(maximum ?? 0) + 1}`];
}

function badBodies(schema: Schema | undefined, good: Record<string, unknown> | undefined): Bad[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schema;
  const text = { 'content-type': 'text/plain' };
  return [
    { what: 'a list', status: 400, names: 'body', body: [] },
    { what: 'a text', status: 400, names: 'body', body: '"text"' },
    { what: 'broken JSON', status: 400, names: '', body: '{"' },
    { what: 'no JSON', status: 415, names: 'application/json', body: 'x', headers: text },
    { what: 'too much', status: 413, names: '', body: { ...good, padding: 'x'.repeat(6_000) } },
    ...required.map((name) => {
      const { [name]: _, ...body } = good ?? {};
      return { what: `no ${name}`, status: 400, names: name, body };
    }),
    ...Object.keys(properties).map((name) => ({
      what: `${name} of another type`,
      status: 400,
      names: name,
      body: { ...good, [name]: [[]] },
    })),
  ];
}

function assertRefusal(
  { code, message, data }: Envelope<null>,
  status: number,
  language: string,
  about: string,
) {
  assert.deepEqual([code, data], [status, null], about);
  if (language === 'en') return assert.doesNotMatch(message, /\p{Script=Han}/u, about);
  assert.match(message, /\p{Script=Han}/u, about);
  assert.doesNotMatch(message, /[a-z]{2,} [a-z]{2,}/u, about);
}
