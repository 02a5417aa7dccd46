import type { FastifyInstance } from 'fastify';
import type { Log } from '../core/log.ts';

/** `GET /ready`: whether this process can do its work, each part tried; `/health` only says that it lives. */
export function serveReadiness(
  app: FastifyInstance,
  checks: Record<string, () => Promise<void>>,
  log: Log,
): void {
  app.get('/ready', { schema: { hide: true } }, async (_request, reply) => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        try {
          await check();
          return [name, 'ok'];
        } catch (err) {
          log.error({ err, check: name }, 'a readiness check failed');
          return [name, 'failed'];
        }
      }),
    );
    const ready = results.every(([, result]) => result === 'ok');
    return reply.code(ready ? 200 : 503).send({
      status: ready ? 'ready' : 'unavailable',
      checks: Object.fromEntries(results) as Record<string, string>,
    });
  });
}
