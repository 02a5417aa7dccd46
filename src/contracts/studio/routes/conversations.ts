import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Conversation, ListedConversation } from '../../../core/conversations/conversations.ts';
import type { UserCaller } from '../../../core/identity/caller.ts';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { requireUser } from '../../../http/user-access.ts';
import { answerWith, isEnglish, pageOf, paginationOf } from '../envelope.ts';
import { inOwnFields } from '../field-names.ts';
import type { StudioOptions } from '../options.ts';
import { presentConversation } from '../present.ts';
import {
  conversationChangesSchema,
  conversationParamsSchema,
  conversationSchema,
  conversationsPageSchema,
  conversationsSchema,
  newConversationSchema,
  type ConversationChangesBody,
  type ConversationParams,
  type ConversationsPage,
  type NewConversationBody,
} from '../schemas/conversations.ts';
import { documented, done, refusals, repeatable } from '../schemas/envelope.ts';
import { ownOrForbidden } from '../whose.ts';

const conversationsPath = '/api/conversations';
const conversationPath = `${conversationsPath}/:conversation_id`;

/** studio.md, "获取对话列表" and "获取对话详情". */
export function registerConversationReads(app: FastifyInstance, options: StudioOptions): void {
  const { conversations } = options.core;

  app.get<{ Querystring: ConversationsPage }>(
    conversationsPath,
    {
      schema: {
        ...documented,
        summary: 'Own conversations, of every contract, newest first',
        querystring: conversationsPageSchema,
        response: { 200: conversationsSchema, ...refusals },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      const { model_name: model } = request.query;
      const filter = { model: model === '' ? undefined : model };
      const found = await conversations.page(caller, filter, pageOf(request.query));
      return answerWith(request, 'found', {
        conversations: await presented(options, request, found.conversations),
        pagination: paginationOf(request.query, found.total),
      });
    },
  );

  app.get<{ Params: ConversationParams }>(
    conversationPath,
    {
      schema: {
        ...documented,
        summary: 'One conversation',
        params: conversationParamsSchema,
        response: { 200: conversationSchema, ...refusals },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      const found = await own(options, caller, request.params);
      return answerWith(request, 'found', await presentedOne(options, request, found));
    },
  );
}

/** studio.md, "创建对话". */
export function registerConversationBegin(app: FastifyInstance, options: StudioOptions): void {
  app.post<{ Body: NewConversationBody }>(
    conversationsPath,
    {
      schema: {
        ...repeatable,
        summary: 'Begin a conversation',
        body: newConversationSchema,
        response: { 200: conversationSchema, ...refusals },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      const { title, model_name: model } = request.body;
      const start = { contract: 'studio', title: title ?? undefined, model };
      const beginning = options.core.conversations.begin(caller, start, idempotencyOf(request));
      const begun = await beginning.catch((thrown: unknown) => {
        throw inOwnFields(thrown);
      });
      return answerWith(request, 'created', await presentedOne(options, request, begun));
    },
  );
}

/** studio.md, "更新对话" and "删除对话". */
export function registerConversationWrites(app: FastifyInstance, options: StudioOptions): void {
  const { core } = options;

  app.put<{ Params: ConversationParams; Body: ConversationChangesBody }>(
    conversationPath,
    {
      schema: {
        ...repeatable,
        summary: 'Give a conversation another title',
        description: 'Without a title nothing is changed.',
        params: conversationParamsSchema,
        body: conversationChangesSchema,
        response: { 200: conversationSchema, ...refusals },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      const { conversation_id: conversationId } = request.params;
      const { title } = request.body;
      const changed = await (title === undefined || title === null
        ? own(options, caller, request.params)
        : ownOrForbidden(
            core,
            caller,
            { conversationId },
            core.conversations.rename(caller, conversationId, title, idempotencyOf(request)),
          ));
      return answerWith(request, 'updated', await presentedOne(options, request, changed));
    },
  );

  app.delete<{ Params: ConversationParams }>(
    conversationPath,
    {
      schema: {
        ...repeatable,
        summary: 'Delete a conversation with its messages',
        description: 'Replies that are on their way are stopped first. The figures keep what was counted.',
        params: conversationParamsSchema,
        response: { 200: done, ...refusals },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      const { conversation_id: conversationId } = request.params;
      const removing = core.conversations.remove(caller, conversationId, idempotencyOf(request));
      await ownOrForbidden(core, caller, { conversationId }, removing);
      return answerWith(request, 'deleted', null);
    },
  );
}

function own({ core }: StudioOptions, caller: UserCaller, { conversation_id: id }: ConversationParams) {
  return ownOrForbidden(core, caller, { conversationId: id }, core.conversations.get(caller, id));
}

async function presentedOne(options: StudioOptions, request: FastifyRequest, conversation: Conversation) {
  const [shown] = await presented(options, request, [conversation]);
  return shown;
}

async function presented(
  { core, defaultModel }: StudioOptions,
  request: FastifyRequest,
  conversations: readonly (Conversation | ListedConversation)[],
) {
  const agents = conversations.flatMap(({ assigneeId }) => assigneeId ?? []);
  const names = agents.length === 0 ? new Map<number, string>() : await core.accounts.namesOf(agents);
  const wording = { english: isEnglish(request), defaultModel: defaultModel(), names };
  return conversations.map((conversation) => presentConversation(conversation, wording));
}
