import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ListedConversation } from '../../../core/conversations/conversations.ts';
import { invalidField, ParleyError } from '../../../core/errors.ts';
import type { Idempotency } from '../../../core/idempotency.ts';
import { idempotencyOf } from '../../../http/idempotency.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentConversation } from '../present-conversation.ts';
import { presentHistory, presentWholeMessage } from '../present-messages.ts';
import {
  assignSchema,
  conversationChangesSchema,
  conversationParamsSchema,
  conversationsQuerySchema,
  conversationsSchema,
  keptTagsSchema,
  messageParamsSchema,
  oneConversationSchema,
  shownConversationSchema,
  tagsSchema,
  type AssignBody,
  type ConversationChangesBody,
  type ConversationParams,
  type ConversationsQuery,
  type MessageParams,
  type TagsBody,
} from '../schemas/conversations.ts';
import { refusals, repeatableSchema } from '../schemas/envelope.ts';
import {
  messagesQuerySchema,
  messagesSchema,
  oneMessageSchema,
  type MessagesQuery,
} from '../schemas/sessions.ts';
import { conversationIdOf, messageIdOf, requireStaff } from '../staff.ts';

const path = '/api/v1/admin/conversations';
const conversationPath = `${path}/:id`;
const about = { tags: ['helpdesk'], security: [{ bearer: [] }] };
const repeatable = { ...about, headers: repeatableSchema };
const params = conversationParamsSchema;

/** helpdesk.md, "获取对话列表", and what staff do with a conversation: of every contract. */
export function registerConversationRoutes(app: FastifyInstance, options: HelpdeskOptions): void {
  registerConversationReads(app, options);
  registerConversationMessages(app, options);
  registerConversationWrites(app, options);
  registerTagRoutes(app, options);
}

function registerConversationReads(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.get<{ Querystring: ConversationsQuery }>(
    path,
    {
      schema: {
        ...about,
        summary: 'The conversations, the last changed first',
        querystring: conversationsQuerySchema,
        response: { 200: conversationsSchema, ...refusals },
      },
    },
    async ({ query, caller }) => {
      const { limit, offset, status, priority, agent_type, assignee_id, customer_id } = query;
      const filter = {
        status,
        priority,
        agentType: agent_type,
        assigneeId: assignee_id,
        customerId: customer_id,
      };
      const page = { skip: offset, limit };
      const { conversations, total } = await core.desk.list(requireStaff(caller), filter, page);
      const has_more = offset + conversations.length < total;
      return {
        success: true,
        data: { conversations: conversations.map(presentConversation), total, has_more },
      };
    },
  );

  app.get<{ Params: ConversationParams }>(
    conversationPath,
    {
      schema: {
        ...about,
        summary: 'One conversation',
        params,
        response: { 200: shownConversationSchema, ...refusals },
      },
    },
    async ({ params: { id }, caller }) => {
      const shown = await core.desk.get(requireStaff(caller), await conversationIdOf(core, caller, id));
      return { success: true, data: { ...presentConversation(shown), metadata: shown.metadata } };
    },
  );
}

function registerConversationMessages(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.get<{ Params: ConversationParams; Querystring: MessagesQuery }>(
    `${conversationPath}/messages`,
    {
      schema: {
        ...about,
        summary: 'The messages of a conversation',
        params,
        querystring: messagesQuerySchema,
        response: { 200: messagesSchema, ...refusals },
      },
    },
    async ({ params: { id: text }, query, caller }) => {
      const id = await conversationIdOf(core, caller, text);
      const page = { skip: query.offset, limit: query.limit };
      const found = await core.desk.messages(requireStaff(caller), id, page);
      return { success: true, data: await presentHistory(core, found, query) };
    },
  );

  app.get<{ Params: MessageParams }>(
    `${conversationPath}/messages/:message_id`,
    {
      schema: {
        ...about,
        summary: 'One message, with the images and videos that came with it',
        params: messageParamsSchema,
        response: { 200: oneMessageSchema, ...refusals },
      },
    },
    async ({ params: { id: text, message_id }, caller }) => {
      const id = await conversationIdOf(core, caller, text);
      const found = await core.desk.message(requireStaff(caller), id, messageIdOf(message_id));
      return { success: true, data: await presentWholeMessage(core, found) };
    },
  );
}

function registerConversationWrites(app: FastifyInstance, options: HelpdeskOptions): void {
  const { core } = options;
  const shown = async (conversation: ListedConversation) => ({
    success: true,
    data: presentConversation(await core.desk.present(conversation)),
  });

  app.patch<{ Params: ConversationParams; Body: ConversationChangesBody }>(
    conversationPath,
    {
      schema: {
        ...repeatable,
        summary: 'Change who has a conversation, its status, priority and tags',
        description:
          'Several are changed in this order, each by itself: what came before one that is refused stays changed. What is as it was changes nothing. ' +
          '`assignee_id` gives the conversation to that agent, with null back into the queue; `pending` puts it into the queue, `open` opens one that is over again.',
        params,
        body: conversationChangesSchema,
        response: { 200: oneConversationSchema, ...refusals },
      },
    },
    async (request) => shown(await patch(options, request)),
  );

  app.post<{ Params: ConversationParams; Body: AssignBody }>(
    `${conversationPath}/assign`,
    {
      schema: {
        ...repeatable,
        summary: 'Take a conversation, or give it to another agent',
        description:
          'Without `assignee_id` the caller takes it: 409 `CONFLICT` where another agent has it, with `details.assignee`. With it, that agent has it, whoever had it before.',
        params,
        body: assignSchema,
        response: { 200: oneConversationSchema, ...refusals },
      },
    },
    async (request) => {
      const caller = requireStaff(request.caller);
      const id = await conversationIdOf(core, caller, request.params.id);
      const assigneeId = request.body?.assignee_id ?? null;
      const key = idempotencyOf(request);
      return shown(
        assigneeId === null
          ? await core.handoff.take(caller, id, key)
          : await core.handoff.assign(caller, id, assigneeId, key),
      );
    },
  );
}

type Patch = FastifyRequest<{ Params: ConversationParams; Body: ConversationChangesBody }>;

/** Each change has a claim of its own, so that a repeat does what an earlier try has left undone. */
async function patch({ core }: HelpdeskOptions, request: Patch): Promise<ListedConversation> {
  const caller = requireStaff(request.caller);
  const { status, priority, tags, assignee_id: assigneeId } = request.body;
  const id = await conversationIdOf(core, caller, request.params.id);
  if (status === undefined && priority === undefined && tags === undefined && assigneeId === undefined) {
    throw invalidField('body', { kind: 'nothing_to_change' });
  }
  const key = keysOf(request);
  let conversation: ListedConversation = await core.desk.get(caller, id);
  refuseContradiction(request.body, conversation);
  if (assigneeId !== undefined && assigneeId !== conversation.assigneeId) {
    conversation = await core.handoff.assign(caller, id, assigneeId, key('assignee_id'));
  }
  if (status !== undefined && status !== conversation.status) {
    conversation = await core.handoff.setStatus(caller, id, status, key('status'));
  }
  if (priority === undefined && tags === undefined) return conversation;
  return core.desk.label(caller, id, { priority, tags }, key('labels'));
}

/** The first change that is asked for has the request's own key, by which another request under it is recognised. */
function keysOf(request: Patch): (part: string) => Idempotency | undefined {
  const sent = idempotencyOf(request);
  const first = ['assignee_id', 'status'].find((name) => name in request.body) ?? 'labels';
  // No client's key has a space.
  return (part) => sent && (part === first ? sent : { ...sent, key: `${sent.key} ${part}` });
}

function refuseContradiction(
  { status, assignee_id }: ConversationChangesBody,
  now: ListedConversation,
): void {
  const waitsWithAgent = status === 'pending' && typeof assignee_id === 'number';
  const isOpenWithNobody = status === 'open' && assignee_id === null && now.assigneeId !== null;
  if (!waitsWithAgent && !isOpenWithNobody) return;
  const text = 'status: does not go with this assignee_id: a conversation waits as long as nobody has it';
  throw new ParleyError('invalid_request', text, { field: 'status' });
}

function registerTagRoutes(app: FastifyInstance, { core }: HelpdeskOptions): void {
  const tagsPath = `${conversationPath}/tags`;
  app.get<{ Params: ConversationParams }>(
    tagsPath,
    {
      schema: {
        ...about,
        summary: 'The tags of a conversation',
        params,
        response: { 200: keptTagsSchema, ...refusals },
      },
    },
    async ({ params: { id }, caller }) => {
      const { tags } = await core.desk.get(requireStaff(caller), await conversationIdOf(core, caller, id));
      return { success: true, data: { tags } };
    },
  );

  app.put<{ Params: ConversationParams; Body: TagsBody }>(
    tagsPath,
    {
      schema: {
        ...repeatable,
        summary: 'Replace the tags of a conversation',
        params,
        body: tagsSchema,
        response: { 200: keptTagsSchema, ...refusals },
      },
    },
    async (request) => {
      const caller = requireStaff(request.caller);
      const id = await conversationIdOf(core, caller, request.params.id);
      const { tags } = await core.desk.label(caller, id, { tags: request.body.tags }, idempotencyOf(request));
      return { success: true, data: { tags } };
    },
  );
}
