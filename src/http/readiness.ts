import type { FastifyInstance } from 'fastify';
import type { Log } from '../core/log.ts';
import type { Leaving } from './leaving.ts';

/** A part that has not answered by then is not ready. */
const patienceMs = 5_000;

type Check = () => Promise<void>;

export interface ReadinessParts {
  /** Without these the process can do nothing. */
  needed: Record<string, Check>;
  /** Without these it does its work, but not as well as it could. */
  wanted?: Record<string, Check> | undefined;
  leaving: Leaving;
  log: Log;
}

type Result = 'ok' | 'failed';

/**
 * `GET /ready`: whether this process can do its work, each part tried; `/health` only says that it lives. 200 where it is `ready` or `degraded`, 503 where
 * it is `unavailable` or `leaving`.
 */
export function serveReadiness(app: FastifyInstance, parts: ReadinessParts): void {
  const { needed, wanted = {}, leaving, log } = parts;
  let failing = new Set<string>();
  /** Told once for each time that a part begins to fail: probes come every second. */
  const tell = (name: string, err: unknown) => {
    if (!failing.has(name)) log.error({ err, check: name }, 'a readiness check failed');
  };
  const all = async (checks: Record<string, Check>): Promise<[string, Result][]> =>
    Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        try {
          await within(check(), patienceMs);
          return [name, 'ok'];
        } catch (err) {
          tell(name, err);
          return [name, 'failed'];
        }
      }),
    );

  app.get('/ready', { schema: { hide: true } }, async (_request, reply) => {
    if (leaving.begun()) return reply.code(503).send({ status: 'leaving', checks: {} });
    const [must, may] = await Promise.all([all(needed), all(wanted)]);
    const checks = [...must, ...may];
    failing = new Set(checks.flatMap(([name, result]) => (result === 'failed' ? [name] : [])));
    return reply
      .code(must.every(isOk) ? 200 : 503)
      .send({ status: statusOf(must, may), checks: Object.fromEntries(checks) });
  });
}

function isOk([, result]: [string, Result]): boolean {
  return result === 'ok';
}

function statusOf(must: [string, Result][], may: [string, Result][]): string {
  if (!must.every(isOk)) return 'unavailable';
  return may.every(isOk) ? 'ready' : 'degraded';
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
