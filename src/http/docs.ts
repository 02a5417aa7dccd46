import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { markedByContract, mergeOperations } from './merged-operations.ts';

/** Must be registered before the routes that it describes. */
export async function collectOpenApi(app: FastifyInstance, { version }: { version: string }): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Parley', version, description, license: { name: 'MIT', identifier: 'MIT' } },
      components: {
        securitySchemes: {
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
          bearer: { type: 'http', scheme: 'bearer' },
        },
      },
    },
    transform: ({ schema, url }) => ({ schema, url: markedByContract(url, schema) }),
    transformObject: (document) =>
      'openapiObject' in document ? mergeOperations(document.openapiObject) : {},
  });
}

/** `/openapi.json`, `/docs` (Swagger UI) and `/redoc`, all from this server's own files. */
export async function serveDocs(app: FastifyInstance): Promise<void> {
  await app.register(fastifySwaggerUi, { routePrefix: '/docs', staticCSP: true });
  let openApi: string | undefined;
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => {
    openApi ??= JSON.stringify(app.swagger());
    return reply.type('application/json; charset=utf-8').send(openApi);
  });
  app.get('/redoc', { schema: { hide: true } }, (_request, reply) =>
    reply.type('text/html; charset=utf-8').header('content-security-policy', redocPolicy).send(redocPage),
  );
  const bundle = createRequire(import.meta.url).resolve('redoc/bundles/redoc.standalone.js');
  app.get('/redoc/redoc.standalone.js', { schema: { hide: true } }, (_request, reply) =>
    reply
      .type('text/javascript; charset=utf-8')
      .header('cache-control', 'public, max-age=86400')
      .send(createReadStream(bundle)),
  );
}

/** Redoc styles itself inline and searches in a worker made from a blob. */
const redocPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; worker-src blob:; font-src 'self' data:";

const description = `One chat backend behind several published APIs; each tag is one of them.

WebSockets: \`/ws/chat\` speaks the gateway contract's frames (\`chat\`, \`cancel\`, \`ping\`), and with a token of the
companion contract's login that one's (\`message\`, \`read\`, \`stop\`, \`ping\`); \`/ws/chat/{session_id}\` speaks the assistant contract's, about
conversations of every contract; \`/ws\` the helpdesk contract's. Tokens of every contract's login are good at each.`;

const redocPage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Parley – API reference</title>
  </head>
  <body style="margin: 0">
    <redoc spec-url="/openapi.json" disable-google-font hide-loading></redoc>
    <script src="/redoc/redoc.standalone.js"></script>
  </body>
</html>
`;
