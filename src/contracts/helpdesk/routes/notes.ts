import type { FastifyInstance } from 'fastify';
import { idempotencyOf } from '../../../http/idempotency.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentNote } from '../present-desk.ts';
import {
  conversationParamsSchema,
  newNoteSchema,
  notesSchema,
  oneNoteSchema,
  pageQuerySchema,
  type ConversationParams,
  type NewNoteBody,
  type PageQuery,
} from '../schemas/conversations.ts';
import { refusals, repeatableSchema } from '../schemas/envelope.ts';
import { conversationIdOf, requireStaff } from '../staff.ts';

const path = '/api/v1/admin/conversations/:id/notes';
const about = { tags: ['helpdesk'], security: [{ bearer: [] }], params: conversationParamsSchema };

/** What agents write for one another about a conversation; its customer never sees it. */
export function registerNoteRoutes(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.get<{ Params: ConversationParams; Querystring: PageQuery }>(
    path,
    {
      schema: {
        ...about,
        summary: 'The notes among agents about a conversation',
        querystring: pageQuerySchema,
        response: { 200: notesSchema, ...refusals },
      },
    },
    async ({ params, query: { limit, offset }, caller }) => {
      const id = await conversationIdOf(core, caller, params.id);
      const { notes, total } = await core.notes.list(requireStaff(caller), id, { skip: offset, limit });
      const has_more = offset + notes.length < total;
      return { success: true, data: { notes: notes.map(presentNote), total, has_more } };
    },
  );

  app.post<{ Params: ConversationParams; Body: NewNoteBody }>(
    path,
    {
      schema: {
        ...about,
        headers: repeatableSchema,
        summary: 'Write a note; the customer never sees it',
        body: newNoteSchema,
        response: { 201: oneNoteSchema, ...refusals },
      },
    },
    async (request, reply) => {
      const caller = requireStaff(request.caller);
      const id = await conversationIdOf(core, caller, request.params.id);
      const note = await core.notes.add(caller, id, request.body.content, idempotencyOf(request));
      reply.code(201);
      return { success: true, data: presentNote(note) };
    },
  );
}
