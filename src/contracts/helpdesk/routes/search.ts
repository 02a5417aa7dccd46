import type { FastifyInstance } from 'fastify';
import type { HelpdeskOptions } from '../options.ts';
import { presentConversation } from '../present-conversation.ts';
import { presentMessage } from '../present.ts';
import { searchQuerySchema, searchSchema, type SearchQuery } from '../schemas/conversations.ts';
import { refusals } from '../schemas/envelope.ts';
import { requireStaff } from '../staff.ts';

/** Search over everything that was said in any conversation. */
export function registerSearch(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.get<{ Querystring: SearchQuery }>(
    '/api/v1/admin/search',
    {
      schema: {
        tags: ['helpdesk'],
        security: [{ bearer: [] }],
        summary: 'The messages in which words occur, the newest first',
        querystring: searchQuerySchema,
        response: { 200: searchSchema, ...refusals },
      },
    },
    async ({ query: { q, limit, offset }, caller }) => {
      const page = { skip: offset, limit };
      const { results, total, complete } = await core.search.find(requireStaff(caller), q, page);
      const names = await core.accounts.namesOf(results.flatMap(({ message }) => message.senderId ?? []));
      const shown = results.map(async ({ conversation, message, snippet }) => ({
        conversation: presentConversation(await core.desk.present(conversation)),
        message: presentMessage(conversation, message, names),
        snippet: {
          text: snippet.text,
          matches: snippet.ranges.map(([start, length]) => ({ start, length })),
        },
      }));
      const has_more = offset + results.length < total;
      return { success: true, data: { results: await Promise.all(shown), total, has_more, complete } };
    },
  );
}
