import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify from 'fastify';
import { lateSerializers } from './serialization.ts';

const told = { type: 'object', properties: { shown: { type: 'string' } } };

test('answers have what their schema names, and a schema costs nothing until it is needed', async (t) => {
  const app = fastify({ schemaController: { compilersFactory: { buildSerializer: lateSerializers() } } });
  t.after(() => app.close());
  app.get('/one', { schema: { response: { 200: told } } }, () => ({ shown: 'yes', hidden: 'no' }));
  const impossible = { type: 'object', properties: { a: { $ref: 'nowhere#' } } };
  app.get('/other', { schema: { response: { 200: impossible } } }, () => ({ a: 1 }));
  await app.ready();
  for (let time = 0; time < 2; time++) {
    assert.equal((await app.inject('/one')).body, '{"shown":"yes"}');
  }
  assert.equal((await app.inject('/other')).statusCode, 500);
});
