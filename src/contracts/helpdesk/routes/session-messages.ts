import type { FastifyError, FastifyInstance } from 'fastify';
import { ParleyError } from '../../../core/errors.ts';
import { credentialsOf } from '../../../http/credentials.ts';
import { answerError } from '../../../http/error-answer.ts';
import { sessionErrorShapeFor } from '../errors.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentMessage } from '../present.ts';
import {
  errorSchema,
  messagesQuerySchema,
  messagesSchema,
  sessionParamsSchema,
  type MessagesQuery,
  type SessionParams,
} from '../schemas.ts';

const prefix = 'sess_';

/** `GET /api/v1/chat/sessions/{session_id}/messages`, for ids that are no numbers: those are assistant's. */
export function registerSessionMessages(app: FastifyInstance, options: HelpdeskOptions): void {
  const { core, authenticator, clientAddress } = options;
  app.get<{ Params: SessionParams; Querystring: MessagesQuery }>(
    '/api/v1/chat/sessions/:session_id/messages',
    {
      async onRequest(request) {
        const ip = clientAddress(request.raw);
        request.caller = await authenticator.identify(credentialsOf(request.headers), ip);
      },
      errorHandler: (thrown: FastifyError, request, reply) =>
        void answerError(thrown, request, reply, sessionErrorShapeFor(request)),
      schema: {
        tags: ['helpdesk'],
        summary: 'The messages of a session',
        description:
          'A session that belongs to a person is there for that person, agents and administrators; one that belongs to nobody, for all who know its id.',
        security: [{ bearer: [] }, {}],
        params: sessionParamsSchema,
        querystring: messagesQuerySchema,
        response: { 200: messagesSchema, '4xx': errorSchema, '5xx': errorSchema },
      },
    },
    async ({ params, query, caller }) => {
      const { limit, offset } = query;
      if (!params.session_id.startsWith(prefix)) throw noSession();
      const key = params.session_id.slice(prefix.length);
      const page = { skip: offset, limit };
      const { conversation, messages } = await core.conversations.messagesByKey(caller, key, page);
      const total = conversation.messageCount;
      return {
        success: true,
        data: {
          messages: messages.map((message) => presentMessage(conversation, message)),
          total,
          has_more: offset + messages.length < total,
        },
      };
    },
  );
}

function noSession(): ParleyError {
  return new ParleyError('not_found', 'There is no such session.');
}
