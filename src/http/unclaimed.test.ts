import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fastify from 'fastify';
import { answerUnclaimed } from './unclaimed.ts';

const app = fastify();
app.get('/api/v1/known', () => 'known');
answerUnclaimed(app, (error, _request, reply) =>
  reply.code(404).send({ elsewhere: error.message, code: error.code }),
);

describe('an address that nobody knows', () => {
  for (const path of ['/api/v1', '/api/v1/nothing', '/api/v1/nothing?api=1', '/api/v1/a/b']) {
    it(`satisfies all contracts of /api/v1: ${path}`, async () => {
      const response = await app.inject(path);
      assert.equal(response.statusCode, 404);
      const message = `There is nothing at GET ${path.split('?')[0]}.`;
      assert.deepEqual(response.json(), {
        success: false,
        detail: message,
        error: { code: 'NOT_FOUND', message, details: null },
      });
    });
  }

  for (const path of ['/api', '/api/v2/nothing', '/api/v10', '/api/']) {
    it(`is studio’s elsewhere under /api, in the language preferred: ${path}`, async () => {
      for (const [language, message] of [
        ['zh-CN', `接口不存在：POST ${path}`],
        ['en', `There is nothing at POST ${path}.`],
      ] as const) {
        const response = await app.inject({
          method: 'POST',
          url: path,
          headers: { 'accept-language': language },
        });
        assert.equal(response.statusCode, 404);
        assert.deepEqual(response.json(), { code: 404, message, data: null });
      }
    });
  }

  for (const path of ['/nothing', '/apis', '/', '/apiv1/x']) {
    it(`is gateway’s anywhere else: ${path}`, async () => {
      const response = await app.inject(path);
      assert.deepEqual(response.json(), { elsewhere: `There is nothing at GET ${path}.`, code: 'not_found' });
    });
  }

  it('does not repeat all of a long address, nor its query', async () => {
    const { body } = await app.inject(`/api/v1/${'x'.repeat(2_000)}?token=hunter2`);
    assert.ok(body.length < 1_000);
    assert.doesNotMatch(body, /hunter2/);
  });

  it('may be a known one with another method', async () => {
    assert.equal((await app.inject({ method: 'PUT', url: '/api/v1/known' })).statusCode, 404);
    assert.equal((await app.inject('/api/v1/known')).body, 'known');
  });
});
