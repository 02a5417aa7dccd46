import type { FastifyInstance } from 'fastify';
import { requireUser } from '../../../http/user-access.ts';
import type { CompanionOptions } from '../options.ts';
import { presentChatFigures, presentMessageFigures } from '../present.ts';
import { chatStatisticsSchema, errorSchema, messageStatisticsSchema } from '../schemas.ts';

const description =
  'A person’s own figures, over the chats of all contracts; an agent’s and an administrator’s are the whole service’s.';

/** `GET /api/v1/stats/chat` and `GET /api/v1/stats/messages`. */
export function registerStatisticsRoutes(app: FastifyInstance, { core }: CompanionOptions): void {
  const about = { tags: ['companion'], description, security: [{ bearer: [] }] };
  const refusals = { '4xx': errorSchema, '5xx': errorSchema };

  app.get(
    '/api/v1/stats/chat',
    {
      schema: { ...about, summary: 'Figures of chats', response: { 200: chatStatisticsSchema, ...refusals } },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      return presentChatFigures(await core.statistics.today(caller), await core.statistics.total(caller));
    },
  );

  app.get(
    '/api/v1/stats/messages',
    {
      schema: {
        ...about,
        summary: 'Figures of messages',
        response: { 200: messageStatisticsSchema, ...refusals },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      return presentMessageFigures(await core.statistics.today(caller), await core.statistics.total(caller));
    },
  );
}
