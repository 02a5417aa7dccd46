import type { FastifyInstance } from 'fastify';
import { requireUser } from '../../../http/user-access.ts';
import type { CompanionOptions } from '../options.ts';
import { presentMessage } from '../present.ts';
import { errorSchema, historyQuerySchema, historySchema, type HistoryQuery } from '../schemas.ts';

/** `GET /api/v1/chat/history`. */
export function registerHistory(app: FastifyInstance, { core }: CompanionOptions): void {
  app.get<{ Querystring: HistoryQuery }>(
    '/api/v1/chat/history',
    {
      schema: {
        tags: ['companion'],
        summary: 'All that was said',
        description:
          'Over all chats of the person, whatever contract they began in. The header `X-Feed-Cursor` leads a socket on from this snapshot without a gap: `WS /ws/chat?cursor=`.',
        security: [{ bearer: [] }],
        querystring: historyQuerySchema,
        response: { 200: historySchema, '4xx': errorSchema, '5xx': errorSchema },
      },
    },
    async (request, reply) => {
      const { page, pageSize, order } = request.query;
      // Before the snapshot is read: a change between the two is told twice rather than never.
      reply.header('x-feed-cursor', await core.feed.head());
      const { messages, total } = await core.conversations.history(requireUser(request.caller), {
        skip: Math.min((page - 1) * pageSize, farBeyond),
        limit: pageSize,
        newestFirst: order === 'desc',
      });
      return { messages: messages.map(presentMessage), pagination: { total, page, pageSize } };
    },
  );
}

/** More messages than there will be, and still a whole number with 100 more. */
const farBeyond = 2 ** 52;
