import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { demandScope } from '../../../http/access.ts';
import { refuseInMaintenance } from '../../../http/maintenance.ts';
import type { GatewayOptions } from '../options.ts';
import { presentCacheStats, presentWarmReport } from '../present.ts';
import {
  cacheStatsSchema,
  clearQuerySchema,
  clearResponseSchema,
  errorSchema,
  warmRequestSchema,
  warmResponseSchema,
} from '../schemas.ts';

/** `/api/v1/cache/*`. */
export function registerCacheRoutes(app: FastifyInstance, { core, access, running }: GatewayOptions): void {
  app.get(
    '/api/v1/cache/stats',
    {
      onRequest: demandScope(access, 'completions'),
      schema: { tags: ['gateway'], summary: 'Figures of the cache', response: { 200: cacheStatsSchema } },
    },
    () => presentCacheStats(core.cache.stats()),
  );

  app.post<{ Body: Static<typeof warmRequestSchema> }>(
    '/api/v1/cache/warm',
    {
      onRequest: [demandScope(access, 'cache'), refuseInMaintenance(core.maintenance)],
      schema: {
        tags: ['gateway'],
        summary: 'Fetch answers ahead of time',
        body: warmRequestSchema,
        response: { 200: warmResponseSchema, '4xx': errorSchema },
      },
    },
    async (request, reply) => {
      const { patterns, models = [], limit = 10 } = request.body;
      const input = {
        contract: 'gateway',
        endpoint: '/api/v1/cache/warm',
        requestId: request.id,
        patterns,
        models,
        limit,
      };
      return presentWarmReport(await core.cache.warm(request.caller, input, running.forResponse(reply.raw)));
    },
  );

  app.delete<{ Querystring: Static<typeof clearQuerySchema> }>(
    '/api/v1/cache/clear',
    {
      onRequest: demandScope(access, 'cache'),
      schema: {
        tags: ['gateway'],
        summary: 'Forget cached answers',
        querystring: clearQuerySchema,
        response: { 200: clearResponseSchema, '4xx': errorSchema },
      },
    },
    async (request) => ({ cleared: await core.cache.clear(request.query.pattern) }),
  );
}
