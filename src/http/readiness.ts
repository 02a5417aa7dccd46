import type { FastifyInstance } from 'fastify';
import type { Log } from '../core/log.ts';

/** A part that has not answered by then is not ready. */
const patienceMs = 5_000;

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
          await within(check(), patienceMs);
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

async function within(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
