import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RouteOptions } from 'fastify';
import { startHelpdesk, type Helpdesk } from '../../../test/support/desk.ts';
import { helpdeskSocket } from '../../../test/support/helpdesk-socket.ts';
import { askHelpdesk, type Headers, type HelpdeskError } from '../../../test/support/helpdesk.ts';
import { watchDoors } from '../../../test/support/routes.ts';

interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  examples?: Record<string, unknown>[];
  enum?: unknown[];
  anyOf?: Schema[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minProperties?: number;
  format?: string;
  default?: unknown;
}

/** A request that is refused, and the field at fault. */
interface Bad {
  what: string;
  field: string;
  url?: string;
  body?: unknown;
  headers?: Headers;
}

const nobodyThere = '999999';

describe('helpdesk: every refusal of every address', () => {
  let helpdesk: Helpdesk;
  let routes: RouteOptions[];
  let named: Record<string, string>;
  before(async () => {
    const watched = await watchDoors(() => startHelpdesk());
    helpdesk = watched.started;
    routes = watched.routes.filter(
      ({ method, schema }) => method !== 'HEAD' && schema?.tags?.includes('helpdesk') === true,
    );
    const { id, session } = await helpdesk.waiting('guest_r', 'Hello?');
    named = {
      session_id: session.session_id,
      id: String(id),
      user_id: nobodyThere,
      delivery_id: nobodyThere,
    };
  });
  after(() => helpdesk.parley.close());

  const at = ({ url }: RouteOptions, values = named) =>
    url.replace('/api/v1', '').replace(/:(\w+)/gu, (_, name: string) => values[name] ?? nobodyThere);
  const headersOf = ({ url }: RouteOptions) => (url.includes('/chat/') ? {} : helpdesk.boss.headers);
  const ask = async (route: RouteOptions, bad: Omit<Bad, 'what' | 'field'>, language: string) => {
    const headers = { ...headersOf(route), 'accept-language': language, ...bad.headers };
    const path = bad.url ?? at(route);
    const { method } = route;
    return askHelpdesk<HelpdeskError>(helpdesk.parley, method as string, path, bad.body, headers);
  };

  test('what does not validate is VALIDATION_ERROR with field and issue, in the language of the request', async () => {
    assert.ok(routes.length > 50, 'the addresses were found');
    for (const route of routes) {
      for (const bad of badRequests(route, at, named)) {
        const about = `${String(route.method)} ${route.url}: ${bad.what}`;
        for (const language of ['zh', 'en']) {
          const { status, body } = await ask(route, bad, language);
          assert.ok([400, 413, 415].includes(status), `${about}: ${status} ${JSON.stringify(body)}`);
          const { code, details } = body.error;
          assert.equal(code, 'VALIDATION_ERROR', about);
          assert.equal(details?.field, bad.field, about);
          assertLanguage(body, language, about);
        }
      }
    }
  });

  test('what is not there is told in the language of the request', async () => {
    const missing = { session_id: 'sess_nobody', id: nobodyThere, user_id: nobodyThere, delivery_id: '1' };
    for (const route of routes.filter(({ url }) => url.includes(':'))) {
      const [example] = (route.schema?.body as Schema | undefined)?.examples ?? [];
      for (const language of ['zh', 'en']) {
        const url = at(route, missing);
        const { status, body } = await ask(route, { url, ...(example && { body: example }) }, language);
        const about = `${String(route.method)} ${url}: ${JSON.stringify(body)}`;
        assert.equal(status, 404, about);
        const code = route.url.includes(':session_id') ? 'SESSION_NOT_FOUND' : 'NOT_FOUND';
        assert.equal(body.error.code, code, about);
        assertLanguage(body, language, about);
      }
    }
  });

  test('who may not is told so in the language of the request', async () => {
    const { headers: agent } = helpdesk.ann;
    const strangers: [string, Headers, number, string][] = [
      ['nobody', { authorization: '' }, 401, 'UNAUTHORIZED'],
      ['a token that is none', { authorization: 'Bearer x' }, 401, 'UNAUTHORIZED'],
    ];
    for (const route of routes.filter(({ url }) => url.includes('/admin/'))) {
      for (const [who, headers, status, code] of strangers) {
        for (const language of ['zh', 'en']) {
          const answer = await ask(route, { headers }, language);
          const about = `${String(route.method)} ${route.url}, ${who}`;
          assert.deepEqual([answer.status, answer.body.error.code], [status, code], about);
          assertLanguage(answer.body, language, about);
        }
      }
    }
    for (const language of ['zh', 'en']) {
      const answer = await askHelpdesk<HelpdeskError>(helpdesk.parley, 'GET', '/admin/users', undefined, {
        ...agent,
        'accept-language': language,
      });
      assert.deepEqual([answer.status, answer.body.error.code], [403, 'FORBIDDEN']);
      assertLanguage(answer.body, language, 'an agent');
    }
  });

  test('frames that are not formed as they must be are told so in the language of the socket', async () => {
    for (const language of ['zh', 'en']) {
      const socket = await helpdeskSocket(helpdesk.parley, '', { 'accept-language': language });
      for (const frame of malformed) {
        socket.send(frame);
        const { type, data } = await socket.next();
        const about = JSON.stringify([frame, data]);
        assert.deepEqual([type, data.code], ['error', 'INVALID_MESSAGE_FORMAT'], about);
        assertWords(data.message, language, about);
        assertWords(data.details, language, about);
      }
      await socket.close();
    }
  });

  test('what a frame may not is told as over HTTP', async () => {
    const { session_id = '' } = named;
    const refused: [string, object, string, string | undefined][] = [
      ['message', { session_id, content: ' ' }, 'VALIDATION_ERROR', 'content'],
      ['message', { session_id, content: '𠮷'.repeat(16_001) }, 'VALIDATION_ERROR', 'content'],
      ['message', { session_id: 'sess_nobody', content: 'Hi' }, 'SESSION_NOT_FOUND', undefined],
      ['typing', { session_id: '1' }, 'SESSION_NOT_FOUND', undefined],
      ['stop', { session_id }, 'FORBIDDEN', undefined],
    ];
    for (const language of ['zh', 'en']) {
      const headers = { ...helpdesk.ann.headers, 'accept-language': language };
      const socket = await helpdeskSocket(helpdesk.parley, '', headers);
      for (const [frame, asked, code, field] of refused) {
        socket.say(frame, asked, 'refused');
        const told = (await socket.until(({ id }) => id === 'refused')).at(-1);
        const { message, details } = told?.data ?? {};
        const error = { code: told?.data.code ?? '', message: message ?? '', details: details as never };
        const about = JSON.stringify(error);
        assert.deepEqual([error.code, error.details?.['field']], [code, field], about);
        assertLanguage({ success: false, error }, language, about);
      }
      await socket.close();
    }
  });

  test('characters are counted, not code units, on sockets as over HTTP', async () => {
    const socket = await helpdeskSocket(helpdesk.parley, '', helpdesk.ann.headers);
    const content = '𠮷'.repeat(16_000);
    socket.say('message', { session_id: named['session_id'], content }, 'long');
    const told = (await socket.until(({ id }) => id === 'long')).at(-1);
    assert.deepEqual([told?.type, told?.data.content], ['message', content]);
    await socket.close();
  });
});

/** Frames, each malformed in its own way. */
const malformed = [
  '{',
  '[]',
  Buffer.from('{"type":"ping"}'),
  {},
  { type: 7 },
  { type: 'shout' },
  { type: 'message' },
  { type: 'message', data: 'x' },
  { type: 'message', data: { content: 'x' } },
  { type: 'message', data: { session_id: 'sess_x' } },
  { type: 'message', data: { session_id: 1, content: 'x' } },
  { type: 'message', data: { session_id: 'sess_x', content: 'x', message_type: 'image' } },
  { type: 'typing', data: { session_id: 'sess_x', is_typing: 'yes' } },
  { type: 'read', data: { session_id: 'sess_x', up_to: '12' } },
  { type: 'presence', data: { status: 'gone' } },
  { type: 'auth', data: { token: 1 } },
];

/** Message and issue have no word of the other language but the names of fields and what they may be. */
function assertLanguage({ success, error }: HelpdeskError, language: string, about: string): void {
  assert.equal(success, false, about);
  const { message, details } = error;
  const { issue } = details ?? {};
  assertWords(message, language, about);
  if (details !== null && 'field' in details) assertWords(issue, language, about);
}

function assertWords(text: unknown, language: string, about: string): void {
  assert.ok(typeof text === 'string' && text !== '', about);
  if (language === 'en') return assert.doesNotMatch(text, /\p{Script=Han}/u, about);
  assert.match(text, /\p{Script=Han}/u, about);
  assert.doesNotMatch(text, /[a-z]{2,} [a-z]{2,}/iu, about);
}

function badRequests(
  route: RouteOptions,
  at: (route: RouteOptions, values?: Record<string, string>) => string,
  named: Record<string, string>,
): Bad[] {
  const { params, querystring, body, headers } = (route.schema ?? {}) as Record<string, Schema | undefined>;
  const [example] = body?.examples ?? [];
  const good = example && {
    body: { ...example, ...('session_id' in example && { session_id: named['session_id'] }) },
  };
  const required = requiredOf(querystring).map((name) => ({ what: `no ${name}`, field: name, ...good }));
  const byAddress = Object.entries(params?.properties ?? {})
    .filter(([, { type }]) => type === 'integer')
    .flatMap(([name]) =>
      ['x', '0', '1.5', '9'.repeat(20)].map((value) => ({
        what: `${name} ${value}`,
        field: name,
        url: at(route, { ...named, [name]: value }),
        ...good,
      })),
    );
  const needed = requiredOf(querystring)
    .map((name) => `${name}=x&`)
    .join('');
  const byQuery = Object.entries(querystring?.properties ?? {}).flatMap(([name, schema]) =>
    badTexts(schema).map((value) => ({
      what: `?${name}=${value.slice(0, 20)}`,
      field: name,
      url: `${at(route)}?${name === 'q' ? '' : needed}${name}=${encodeURIComponent(value)}`,
      ...good,
    })),
  );
  const byKey = ['two words', 'x'.repeat(256)].map((key) => ({
    what: `the key ${key.slice(0, 20)}`,
    field: 'Idempotency-Key',
    headers: { 'idempotency-key': key },
    ...good,
  }));
  return [...required, ...byAddress, ...byQuery, ...badBodies(body, good?.body), ...(headers ? byKey : [])];
}

/** What has a value of its own need not be sent. */
function requiredOf({ required = [], properties = {} }: Schema = {}): string[] {
  return required.filter((name) => properties[name]?.default === undefined);
}

/** Texts in an address that are no such value. */
function badTexts({ type, enum: choices, minimum, maximum, minLength, maxLength, format }: Schema): string[] {
  if (choices !== undefined) return ['nonsense', ''];
  if (type === 'integer') {
    const isBounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
    return ['x', '1.5', `${(minimum ?? 0) - 1}`, isBounded ? `${maximum + 1}` : '9'.repeat(20)];
  }
  if (format !== undefined) return ['yesterday', '2026-13-01T00:00:00Z'];
  const tooLong = maxLength === undefined ? [] : ['x'.repeat(maxLength + 1)];
  return minLength === undefined ? tooLong : ['', ...tooLong];
}

function badBodies(schema: Schema | undefined, good: Record<string, unknown> | undefined): Bad[] {
  if (schema === undefined) return [];
  assert.ok(good !== undefined, 'a body that can be sent has an example');
  const { properties = {}, required = [], minProperties } = schema;
  const wholes: Bad[] = [
    { what: 'a list', field: 'body', body: [] },
    { what: 'broken JSON', field: 'body', body: '{"' },
    { what: 'plain text', field: 'Content-Type', body: 'x', headers: { 'content-type': 'text/plain' } },
    ...(minProperties === undefined ? [] : [{ what: 'nothing', field: 'body', body: {} }]),
  ];
  const missing = required.map((name) => {
    const { [name]: _, ...body } = good;
    return { what: `no ${name}`, field: name, body };
  });
  const wrong = Object.entries(properties).flatMap(([name, property]) =>
    badValues(property).map((value) => ({
      what: `${name}: ${JSON.stringify(value).slice(0, 30)}`,
      field: name,
      body: { ...good, [name]: value },
    })),
  );
  return [...wholes, ...missing, ...wrong];
}

/** What is no such value. */
function badValues(schema: Schema): unknown[] {
  const { type, enum: choices, anyOf, minimum, maximum, minLength, maxLength } = schema;
  if (anyOf !== undefined) return badValues(anyOf[0] ?? {}).filter((value) => value !== null);
  if (choices !== undefined) return ['nonsense', 1, null];
  const ofText = [
    ...(minLength === undefined ? [] : ['']),
    ...(maxLength === undefined ? [] : ['x'.repeat(maxLength + 1)]),
  ];
  const ofNumber = [
    minimum === undefined ? [] : minimum - 1,
    maximum === undefined ? [] : maximum + 1,
  ].flat();
  if (type === 'string') return [1, {}, null, ...ofText];
  if (type === 'integer') return ['1', 1.5, ...ofNumber];
  return ['x', 1];
}
