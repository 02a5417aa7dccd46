/**
 * The least a Fastify server can do with the same work in sight: parse the request's JSON, answer with a ready
 * object of `BENCH_BODY_BYTES` bytes through a response schema. No key, no limit, no cache.
 */
import Fastify from 'fastify';

const size = Number(process.env.BENCH_BODY_BYTES ?? '600');
const answer = { response: '' };
answer.response = 'x'.repeat(Math.max(0, size - JSON.stringify(answer).length));

const app = Fastify({ logger: false, keepAliveTimeout: 600_000 });
const schema = {
  body: { type: 'object', required: ['message'], properties: { message: { type: 'string' } } },
  response: { 200: { type: 'object', properties: { response: { type: 'string' } } } },
};
app.post('/api/v1/chat/completion', { schema }, async () => answer);

const address = await app.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${address}\n`);
