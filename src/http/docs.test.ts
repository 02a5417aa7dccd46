import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { RouteOptions } from 'fastify';
import { send } from '../../test/support/gateway.ts';
import { startParley, type Parley } from '../../test/support/parley.ts';
import { watchDoors } from '../../test/support/routes.ts';

interface OpenApi {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
}
interface Operation {
  tags?: string[];
  summary?: string;
  requestBody?: { content: Record<string, { schema: { properties?: object } }> };
  responses: Record<string, unknown>;
}

const contracts = ['gateway', 'openai', 'assistant', 'companion', 'helpdesk', 'studio'];

/** Addresses that are not described, each with its reason. */
const hidden = new Map([
  ['/openapi.json', 'the description itself'],
  ['/redoc', 'a page about it'],
  ['/redoc/redoc.standalone.js', 'a page about it'],
  ['/', 'the console'],
  ['*', 'preflights of cross-origin calls'],
  ['/ready', 'for the orchestrator of this very process'],
]);
/** `/a/:id(^\\d+$)` is described as `/a/{id}`. */
const templateOf = (url: string) => url.replace(/:(\w+)(\([^)]*\))?/g, '{$1}');
const isPage = (url: string) => /^\/(docs|console)(\/|$)/.test(url);

describe('API documentation', () => {
  const routes: RouteOptions[] = [];
  let parley: Parley;
  let openApi: OpenApi;
  before(async () => {
    const watched = await watchDoors(() => startParley());
    parley = watched.started;
    routes.push(...watched.routes);
    openApi = (await (await send(`${parley.url}/openapi.json`, 'GET')).json()) as OpenApi;
  });
  after(() => parley.close());

  test('/openapi.json is valid OpenAPI 3.1', async () => {
    assert.match(openApi.openapi, /^3\.1\./);
    const { valid, errors } = await new Validator().validate(openApi as unknown as Record<string, unknown>);
    assert.ok(valid, JSON.stringify(errors, null, 2));
  });

  test('describes every route that is not hidden on purpose', () => {
    const methods = (route: RouteOptions) => [route.method].flat().filter((method) => method !== 'HEAD');
    const undescribed: string[] = [];
    for (const route of routes) {
      const path = templateOf(route.url);
      const operations = openApi.paths[path] ?? {};
      const missing = methods(route).filter((method) => operations[method.toLowerCase()] === undefined);
      const isHidden = route.schema?.hide === true;
      if (missing.length === 0) continue;
      if (!isHidden || !(hidden.has(route.url) || isPage(route.url))) {
        undescribed.push(...missing.map((method) => `${method} ${route.url}`));
      }
    }
    assert.ok(routes.length > 10, 'the routes were seen');
    assert.deepEqual(undescribed, []);
  });

  test('describes nothing that is not there', () => {
    const registered = new Set(routes.map((route) => templateOf(route.url)));
    assert.deepEqual(
      Object.keys(openApi.paths).filter((path) => !registered.has(path)),
      [],
    );
  });

  test('every operation has a summary and the tags of its contracts', () => {
    for (const [path, operations] of Object.entries(openApi.paths)) {
      for (const [method, { tags, summary, responses }] of Object.entries(operations)) {
        assert.ok(
          tags !== undefined && tags.length > 0 && tags.every((tag) => contracts.includes(tag)),
          `${method} ${path}`,
        );
        assert.ok(summary !== undefined && summary !== '', `${method} ${path}`);
        assert.ok(Object.keys(responses).length > 0, `${method} ${path}`);
      }
    }
  });

  test('the fields of a chat request are described', () => {
    const body = openApi.paths['/api/v1/chat/completion']?.['post']?.requestBody;
    assert.deepEqual(Object.keys(body?.content['application/json']?.schema.properties ?? {}), [
      'message',
      'model',
      'temperature',
      'max_tokens',
      'stream',
      'system_prompt',
      'conversation_history',
    ]);
  });

  for (const page of ['/docs', '/docs/', '/redoc']) {
    test(`${page} is a page that works without the internet`, async () => {
      const response = await send(`${parley.url}${page}`, 'GET');
      assert.equal(response.status, 200);
      assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
      const html = await response.text();
      assert.doesNotMatch(html, /(?:src|href)=["'](?:https?:)?\/\//);

      const references = [...html.matchAll(/(?:src|href|spec-url)=["']([^"']+)["']/g)].map(
        ([, url]) => url ?? '',
      );
      assert.ok(references.length >= 2);
      for (const reference of references) {
        if (reference.startsWith('data:')) continue;
        const found = await send(new URL(reference, response.url).href, 'GET');
        const bytes = await found.arrayBuffer();
        assert.equal(found.status, 200, reference);
        assert.ok(bytes.byteLength > 0, reference);
      }
      const policy = response.headers.get('content-security-policy') ?? '';
      assert.match(policy, /default-src|script-src/);
      assert.doesNotMatch(policy, /https?:\/\//);
    });
  }

  test('Swagger UI reads this server’s own description', async () => {
    const script = await (await send(`${parley.url}/docs/static/swagger-initializer.js`, 'GET')).text();
    assert.match(script, /url: resolveUrl\('\.\/json'\)/);
    assert.match(script, /validatorUrl: null/, 'nothing is sent to a validator elsewhere');
    const described = (await (await send(`${parley.url}/docs/json`, 'GET')).json()) as OpenApi;
    assert.deepEqual(described, openApi);
  });
});
