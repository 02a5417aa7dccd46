import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { fileURLToPath } from 'node:url';

const files = fileURLToPath(new URL('../../web/console', import.meta.url));

/** The page talks to this server alone, runs no inline code, and cannot be framed by another site. */
const policy =
  "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The web console: its page at `/`, its files under `/console/`. */
export async function serveConsole(app: FastifyInstance): Promise<void> {
  await app.register(async (console) => {
    await console.register(fastifyStatic, {
      root: files,
      prefix: '/console/',
      index: false,
      cacheControl: false,
      allowedPath: (path, _root, request) => !path.endsWith('index.html') || request.routeOptions.url === '/',
      setHeaders: (reply) => {
        reply.header('cache-control', 'no-cache');
        reply.header('content-security-policy', policy);
        reply.header('referrer-policy', 'no-referrer');
        reply.header('x-content-type-options', 'nosniff');
      },
    });
    console.get('/', { schema: { hide: true } }, (_request, reply) => reply.sendFile('index.html'));
  });
}
