import type { FastifyInstance } from 'fastify';
import { refuseInMaintenance } from '../../../http/maintenance.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentCitation } from '../present.ts';
import {
  conversationParamsSchema,
  suggestionSchema,
  type ConversationParams,
} from '../schemas/conversations.ts';
import { refusals } from '../schemas/envelope.ts';
import { conversationIdOf, requireStaff } from '../staff.ts';

const path = '/api/v1/admin/conversations/:id/suggestions';

/** What the AI would answer, for an agent to edit and send. */
export function registerSuggestions(app: FastifyInstance, { core, running }: HelpdeskOptions): void {
  app.post<{ Params: ConversationParams }>(
    path,
    {
      onRequest: refuseInMaintenance(core.maintenance),
      schema: {
        tags: ['helpdesk'],
        security: [{ bearer: [] }],
        summary: 'What the AI would answer to the customer’s last message',
        description:
          'Nothing is stored in the conversation, and the customer sees nothing of it: the agent edits and sends. The call is in the books. 409 where the customer has said nothing yet.',
        params: conversationParamsSchema,
        response: { 200: suggestionSchema, ...refusals },
      },
    },
    async (request, reply) => {
      const signal = running.forResponse(reply.raw);
      const caller = requireStaff(request.caller);
      const id = await conversationIdOf(core, caller, request.params.id);
      const about = { requestId: request.id, endpoint: path };
      const { text, model, citations } = await core.desk.suggest(caller, id, about, signal);
      const data = { content: text, model, citations: (citations ?? []).map(presentCitation) };
      return { success: true, data };
    },
  );
}
