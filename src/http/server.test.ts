import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { createAccessTokens } from '../core/identity/access-tokens.ts';
import { createRuntime } from '../core/runtime.ts';
import { createOriginPolicy } from './cross-origin.ts';
import { collectOpenApi } from './docs.ts';
import { createLogs } from './log.ts';
import { createMetrics } from './metrics.ts';
import { createHttpServer } from './server.ts';
import { answerUnclaimed } from './unclaimed.ts';

const runtime = createRuntime();
const tokens = createAccessTokens({ secret: 'sixteen characters', lifetimeMs: 60_000, runtime });
const bearer = (contract: string) => ({
  authorization: `Bearer ${tokens.issue({ userId: 7, loginId: 12, contract })}`,
});

async function createTested(t: TestContext, plugins: FastifyPluginAsync[]): Promise<FastifyInstance> {
  const { log, access } = createLogs('silent', new Writable({ write: (_line, _encoding, done) => done() }));
  const app = await createHttpServer({
    log,
    access,
    requestId: () => 'req_1',
    metrics: createMetrics(),
    bodyBytes: 1_000,
    originAllowed: createOriginPolicy(['*'], true),
    renderError: (_thrown, _request, reply) => reply.code(500).send({}),
    presentUnreadable: () => ({}),
  });
  t.after(() => app.close());
  await collectOpenApi(app, { version: '1.0.0' });
  for (const plugin of plugins) await app.register(plugin);
  answerUnclaimed(app, (_error, _request, reply) => reply.code(404).send({}));
  await app.ready();
  return app;
}

const object = (property: string, type = 'string') => ({
  type: 'object',
  required: [property],
  properties: { [property]: { type } },
});

const schemaOf = (contract: string, body: object, answer: object) => ({
  tags: [contract],
  summary: `Chat, ${contract}`,
  description: `As ${contract} does.`,
  security: [{ bearer: [] }],
  body,
  response: { 200: answer, '4xx': object(contract) },
});

const assistant: FastifyPluginAsync = async (app) => {
  const schema = schemaOf('assistant', object('message'), object('conversation_id'));
  app.post('/chat', { schema }, () => ({ conversation_id: 'assistant' }));
  app.get(
    '/sessions/:session_id(^\\d+$)/messages',
    {
      schema: {
        tags: ['assistant'],
        summary: 'Messages',
        params: object('session_id', 'integer'),
        querystring: {
          type: 'object',
          properties: { skip: { type: 'integer' }, limit: { type: 'integer' } },
        },
        response: { 200: object('messages') },
      },
    },
    ({ params }) => ({ messages: `assistant ${(params as { session_id: number }).session_id}` }),
  );
};

const companion: FastifyPluginAsync = async (app) => {
  const schema = schemaOf('companion', object('message'), object('response'));
  const constraints = { issuer: 'companion' };
  app.post('/chat', { schema, constraints }, () => ({ response: 'companion' }));
};

const helpdesk: FastifyPluginAsync = async (app) => {
  app.get(
    '/sessions/:session_id/messages',
    {
      schema: {
        tags: ['helpdesk'],
        summary: 'Messages',
        params: object('session_id'),
        querystring: {
          type: 'object',
          required: ['limit'],
          properties: { limit: { type: 'integer' }, before: { type: 'string' } },
        },
        response: { 200: object('data') },
      },
    },
    ({ params }) => ({ data: `helpdesk ${(params as { session_id: string }).session_id}` }),
  );
};

/** Whichever is registered first. */
const orders = [
  [assistant, companion, helpdesk],
  [helpdesk, companion, assistant],
];

describe('an address of two contracts', () => {
  for (const plugins of orders) {
    it('is answered by the contract that issued the token, and by the other for all else', async (t) => {
      const app = await createTested(t, plugins);
      const chat = async (headers: Record<string, string>) => {
        const response = await app.inject({
          method: 'POST',
          url: '/chat',
          payload: { message: 'Hi' },
          headers,
        });
        return response.body;
      };
      assert.equal(await chat(bearer('companion')), '{"response":"companion"}');
      const byQuery = { ...bearer('companion'), 'x-api-key': 'pk_1' };
      assert.equal(await chat(byQuery), '{"response":"companion"}');
      const others: Record<string, string>[] = [
        {},
        bearer('assistant'),
        bearer('studio'),
        { authorization: 'Bearer x' },
        { 'x-api-key': 'pk_1' },
      ];
      for (const headers of others) assert.equal(await chat(headers), '{"conversation_id":"assistant"}');
    });

    it('is answered by what the id is', async (t) => {
      const app = await createTested(t, plugins);
      const get = async (id: string) => (await app.inject(`/sessions/${id}/messages?limit=1`)).body;
      assert.equal(await get('42'), '{"messages":"assistant 42"}');
      for (const id of ['sess_1', '4x', 'x4', '-4', '4.0', '4 2', '٤٢']) {
        assert.equal(await get(encodeURI(id)), `{"data":"helpdesk ${decodeURI(id)}"}`);
      }
    });
  }

  it('answers other methods as any address does', async (t) => {
    const app = await createTested(t, [assistant, companion, helpdesk]);
    for (const headers of [{}, bearer('companion')]) {
      for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS'] as const) {
        assert.equal((await app.inject({ method, url: '/chat', headers })).statusCode, 404, method);
      }
      const preflight = {
        origin: 'http://page.example',
        'access-control-request-method': 'POST',
        ...headers,
      };
      const allowed = await app.inject({ method: 'OPTIONS', url: '/chat', headers: preflight });
      assert.equal(allowed.statusCode, 204);
      const head = await app.inject({ method: 'HEAD', url: '/sessions/42/messages', headers });
      assert.equal(head.statusCode, 200);
    }
  });
});

describe('one of two contracts at an address', () => {
  it('goes on without the other', async (t) => {
    const chat = { method: 'POST', url: '/chat', payload: { message: 'Hi' } } as const;
    const onlyCompanion = await createTested(t, [companion]);
    const own = await onlyCompanion.inject({ ...chat, headers: bearer('companion') });
    assert.equal(own.body, '{"response":"companion"}');
    const foreign = await onlyCompanion.inject({ ...chat, headers: bearer('assistant') });
    assert.equal(foreign.statusCode, 404);
    const onlyAssistant = await createTested(t, [assistant]);
    for (const contract of ['assistant', 'companion']) {
      const response = await onlyAssistant.inject({ ...chat, headers: bearer(contract) });
      assert.equal(response.body, '{"conversation_id":"assistant"}');
    }
    assert.equal((await onlyAssistant.inject('/sessions/sess_1/messages')).statusCode, 404);
    const onlyHelpdesk = await createTested(t, [helpdesk]);
    assert.equal((await onlyHelpdesk.inject('/sessions/42/messages?limit=1')).body, '{"data":"helpdesk 42"}');
  });
});

interface Document {
  paths: Record<string, Record<string, Record<string, unknown>>>;
}

describe('the description of an address of two contracts', () => {
  const describedBy = async (t: TestContext) => {
    const app = await createTested(t, [assistant, companion, helpdesk]);
    return app.swagger() as unknown as Document;
  };

  it('names both, and takes what either takes', async (t) => {
    const document = await describedBy(t);
    assert.deepEqual(Object.keys(document.paths), ['/chat', '/sessions/{session_id}/messages']);
    assert.deepEqual(document.paths['/chat'], {
      post: {
        tags: ['assistant', 'companion'],
        summary: 'Chat, assistant / Chat, companion',
        description:
          '**assistant**: Chat, assistant. As assistant does.\n\n**companion**: Chat, companion. As companion does.',
        security: [{ bearer: [] }],
        parameters: [],
        requestBody: {
          required: true,
          description: '',
          content: { 'application/json': { schema: object('message') } },
        },
        responses: {
          200: {
            description: 'Default Response',
            content: {
              'application/json': { schema: { anyOf: [object('conversation_id'), object('response')] } },
            },
          },
          '4XX': {
            description: 'Default Response',
            content: {
              'application/json': { schema: { anyOf: [object('assistant'), object('companion')] } },
            },
          },
        },
      },
    });
  });

  it('has the id in the address without its pattern, and wants what both want', async (t) => {
    const document = await describedBy(t);
    const { parameters } = document.paths['/sessions/{session_id}/messages']?.['get'] ?? {};
    const found = (parameters as { in: string; name: string; required: boolean; schema: object }[]).map(
      ({ in: place, name, required, schema }) => [place, name, required, schema],
    );
    assert.deepEqual(found, [
      ['query', 'skip', false, { type: 'integer' }],
      ['query', 'limit', false, { type: 'integer' }],
      ['path', 'session_id', true, { anyOf: [{ type: 'integer' }, { type: 'string' }] }],
      ['query', 'before', false, { type: 'string' }],
    ]);
  });

  it('is valid OpenAPI', async (t) => {
    const { valid, errors } = await new Validator().validate((await describedBy(t)) as never);
    assert.ok(valid, JSON.stringify(errors, null, 2));
  });

  it('is the same each time it is asked for', async (t) => {
    const app = await createTested(t, [assistant, companion]);
    assert.deepEqual(app.swagger(), app.swagger());
    assert.match(app.swagger({ yaml: true }), /companion/);
  });
});
