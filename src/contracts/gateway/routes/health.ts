import type { FastifyInstance } from 'fastify';
import type { GatewayOptions } from '../options.ts';
import { healthSchema } from '../schemas.ts';

/** `GET /health` and `GET /metrics`: for monitors, so without credentials and limits. */
export function registerHealthRoutes(app: FastifyInstance, options: GatewayOptions): void {
  const { runtime, metrics, version, environment, providersConfigured } = options;

  app.get(
    '/health',
    { schema: { tags: ['gateway'], summary: 'Is the process alive?', response: { 200: healthSchema } } },
    () => ({
      status: 'healthy',
      version,
      service: 'ai-chatbot-system',
      timestamp: new Date(runtime.now()).toISOString(),
      environment,
      providers_configured: providersConfigured,
    }),
  );

  app.get(
    '/metrics',
    { schema: { tags: ['gateway'], summary: 'Prometheus metrics', produces: ['text/plain'] } },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()),
  );
}
