import type { FastifyInstance } from 'fastify';
import { idempotencyOf } from '../../../http/idempotency.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentReply } from '../present-desk.ts';
import {
  newReplySchema,
  oneReplySchema,
  removedRowSchema,
  repliesSchema,
  replyChangesSchema,
  rowParamsSchema,
  searchedPageSchema,
  type NewReplyBody,
  type ReplyChangesBody,
  type RowParams,
  type SearchedPage,
} from '../schemas/desk.ts';
import { refusals, repeatableSchema } from '../schemas/envelope.ts';
import { requireStaff } from '../staff.ts';

const path = '/api/v1/admin/canned-replies';
const replyPath = `${path}/:id`;
const about = { tags: ['helpdesk'], security: [{ bearer: [] }] };
const repeatable = { ...about, headers: repeatableSchema };

/** The replies that agents have ready. */
export function registerCannedReplyReads(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.get<{ Querystring: SearchedPage }>(
    path,
    {
      schema: {
        ...about,
        summary: 'The canned replies, by shortcut',
        description: 'With `search`: those in whose shortcut, title or content every word of it occurs.',
        querystring: searchedPageSchema,
        response: { 200: repliesSchema, ...refusals },
      },
    },
    async ({ query: { search, limit, offset }, caller }) => {
      const page = { skip: offset, limit };
      const { replies, total } = await core.cannedReplies.list(requireStaff(caller), search, page);
      const has_more = offset + replies.length < total;
      return { success: true, data: { canned_replies: replies.map(presentReply), total, has_more } };
    },
  );
}

/** The same, as administrators keep them. */
export function registerCannedReplyWrites(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.post<{ Body: NewReplyBody }>(
    path,
    {
      schema: {
        ...repeatable,
        summary: 'Make a canned reply',
        description:
          'No two shortcuts differ only in case. The content is plain text: nothing in it is filled in.',
        body: newReplySchema,
        response: { 201: oneReplySchema, ...refusals },
      },
    },
    async (request, reply) => {
      const caller = requireStaff(request.caller);
      const made = await core.cannedReplies.create(caller, request.body, idempotencyOf(request));
      reply.code(201);
      return { success: true, data: presentReply(made) };
    },
  );

  app.put<{ Params: RowParams; Body: ReplyChangesBody }>(
    replyPath,
    {
      schema: {
        ...repeatable,
        summary: 'Change a canned reply; what is left out stays',
        params: rowParamsSchema,
        body: replyChangesSchema,
        response: { 200: oneReplySchema, ...refusals },
      },
    },
    async (request) => {
      const caller = requireStaff(request.caller);
      const { id } = request.params;
      const changed = await core.cannedReplies.update(caller, id, request.body, idempotencyOf(request));
      return { success: true, data: presentReply(changed) };
    },
  );

  app.delete<{ Params: RowParams }>(
    replyPath,
    {
      schema: {
        ...repeatable,
        summary: 'Delete a canned reply',
        params: rowParamsSchema,
        response: { 200: removedRowSchema, ...refusals },
      },
    },
    async (request) => {
      const { id } = request.params;
      await core.cannedReplies.remove(requireStaff(request.caller), id, idempotencyOf(request));
      return { success: true, data: { id } };
    },
  );
}
