import type { FastifyInstance } from 'fastify';
import { requireUser } from '../../../http/user-access.ts';
import { answerWith, pageOf, paginationOf } from '../envelope.ts';
import type { StudioOptions } from '../options.ts';
import { presentCall, presentStatistics, presentSums } from '../present-history.ts';
import { documented, forKeys, refusals } from '../schemas/envelope.ts';
import {
  callsQuerySchema,
  callsSchema,
  statisticsQuerySchema,
  statisticsSchema,
  type CallsQuery,
  type StatisticsQuery,
} from '../schemas/history.ts';

/** studio.md, "查询API调用历史": a person's own calls, or an API key's. */
export function registerCallHistory(app: FastifyInstance, { core }: StudioOptions): void {
  app.get<{ Querystring: CallsQuery }>(
    '/api/history/api-calls',
    {
      schema: {
        ...forKeys,
        summary: 'The calls to models that the caller made, through any contract',
        querystring: callsQuerySchema,
        response: { 200: callsSchema, ...refusals },
      },
    },
    async (request) => {
      const { query } = request;
      const found = await core.callHistory.list(request.caller, filterOf(query), pageOf(query));
      return answerWith(request, 'found', {
        api_calls: found.calls.map(presentCall),
        pagination: paginationOf(query, found.total),
        summary: presentSums(found.sums),
      });
    },
  );
}

/** studio.md, "查询对话历史统计". */
export function registerConversationStatistics(app: FastifyInstance, { core }: StudioOptions): void {
  app.get<{ Querystring: StatisticsQuery }>(
    '/api/history/conversations/statistics',
    {
      schema: {
        ...documented,
        summary: 'How much the caller has talked, by model and by day',
        querystring: statisticsQuerySchema,
        response: { 200: statisticsSchema, ...refusals },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      const figures = await core.statistics.conversations(caller, filterOf(request.query));
      return answerWith(request, 'found', presentStatistics(figures));
    },
  );
}

/** Forms send what was not filled in as an empty text. */
function filterOf({ model_name: model, start_date: from, end_date: to }: StatisticsQuery) {
  return { model: model || undefined, fromDay: from || undefined, toDay: to || undefined };
}
