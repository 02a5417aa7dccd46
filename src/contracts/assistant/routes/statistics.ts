import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { requireUser } from '../../../http/user-access.ts';
import type { AssistantOptions } from '../options.ts';
import { presentDay, presentTotal } from '../present.ts';
import { daySchema, daysQuerySchema, errorSchema, totalSchema, type DaysQuery } from '../schemas.ts';

const failures = { '4xx': errorSchema, '5xx': errorSchema };

/** `GET /api/v1/statistics/daily` and `/total`. */
export function registerStatisticsRoutes(app: FastifyInstance, { core }: AssistantOptions): void {
  app.get<{ Querystring: DaysQuery }>(
    '/api/v1/statistics/daily',
    {
      schema: {
        tags: ['assistant'],
        summary: 'Figures by the day',
        description:
          'A row for every day of the range, both ends included, 366 at most; the last 30 days where nothing is said. One’s own, or for agents and administrators the whole service’s.',
        security: [{ bearer: [] }],
        querystring: daysQuerySchema,
        response: { 200: Type.Array(daySchema), ...failures },
      },
    },
    async (request) => {
      const { start_date, end_date } = request.query;
      const days = await core.statistics.daily(requireUser(request.caller), start_date, end_date);
      return days.map(presentDay);
    },
  );

  app.get(
    '/api/v1/statistics/total',
    {
      schema: {
        tags: ['assistant'],
        summary: 'Figures since the beginning',
        security: [{ bearer: [] }],
        response: { 200: totalSchema, ...failures },
      },
    },
    async (request) => presentTotal(await core.statistics.total(requireUser(request.caller))),
  );
}
