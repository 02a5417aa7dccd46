import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Message } from '../../../core/conversations/conversations.ts';
import { inPortions } from '../../../core/conversations/whole-message.ts';
import type { Core } from '../../../core/core.ts';
import type { UserCaller } from '../../../core/identity/caller.ts';
import { isLeftToOthers } from '../../../core/turns/turn.ts';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { requireUser } from '../../../http/user-access.ts';
import { answerWith, isEnglish, pageOf, paginationOf } from '../envelope.ts';
import type { StudioOptions } from '../options.ts';
import { presentAnswer, presentMessage } from '../present-messages.ts';
import { documented, done, refusals, repeatable } from '../schemas/envelope.ts';
import {
  conversationParamsSchema,
  messageParamsSchema,
  messagesPageSchema,
  type ConversationParams,
  type MessageParams,
  type Page,
} from '../schemas/conversations.ts';
import {
  messagesSchema,
  newMessageSchema,
  sendQuerySchema,
  sentMessageSchema,
  stoppedSchema,
  type NewMessageBody,
  type SendQuery,
} from '../schemas/messages.ts';
import { sendMessage } from '../send.ts';
import { ownOrForbidden } from '../whose.ts';

const conversationPath = '/api/conversations/:conversation_id';
const messagesPath = `${conversationPath}/messages`;

/** studio.md, "发送消息". */
export function registerSending(app: FastifyInstance, options: StudioOptions): void {
  app.post<{ Params: ConversationParams; Body: NewMessageBody; Querystring: SendQuery }>(
    messagesPath,
    {
      bodyLimit: options.imageBodyBytes,
      schema: {
        ...repeatable,
        summary: 'Send a message',
        description:
          'Answers at once. The reply is made whether or not anybody waits for it: it comes into the history when it is whole, and is told on `WS /ws/chat/{conversation_id}`.',
        params: conversationParamsSchema,
        querystring: sendQuerySchema,
        body: newMessageSchema,
        response: { 200: sentMessageSchema, ...refusals },
      },
    },
    (request, reply) => send(options, request, reply),
  );
}

/** studio.md, "删除消息", and stopping replies. */
export function registerMessageWrites(app: FastifyInstance, { core }: StudioOptions): void {
  app.post<{ Params: ConversationParams }>(
    `${conversationPath}/stop`,
    {
      schema: {
        ...repeatable,
        summary: 'Stop the replies that are on their way; what they said is kept',
        params: conversationParamsSchema,
        response: { 200: stoppedSchema, ...refusals },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      const { conversation_id: conversationId } = request.params;
      const stopping = core.turns.stop(caller, conversationId, idempotencyOf(request));
      const answers = await ownOrForbidden(core, caller, { conversationId }, stopping);
      const english = isEnglish(request);
      const messages = answers.map((answer) => presentAnswer(answer, english));
      return answerWith(request, 'stopped', {
        conversation_id: conversationId,
        stopped: messages.length,
        messages,
      });
    },
  );

  app.delete<{ Params: MessageParams }>(
    '/api/messages/:message_id',
    {
      schema: {
        ...repeatable,
        summary: 'Delete a message',
        description: 'A reply that is on its way is stopped first. The figures keep what was counted.',
        params: messageParamsSchema,
        response: { 200: done, ...refusals },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      const { message_id: messageId } = request.params;
      const removing = core.conversations.removeMessage(caller, messageId, idempotencyOf(request));
      await ownOrForbidden(core, caller, { messageId }, removing);
      return answerWith(request, 'deleted', null);
    },
  );
}

/** studio.md, "获取消息历史". */
export function registerMessageReads(app: FastifyInstance, { core }: StudioOptions): void {
  app.get<{ Params: ConversationParams; Querystring: Page }>(
    messagesPath,
    {
      schema: {
        ...documented,
        summary: 'The messages of a conversation, oldest first',
        description: 'A reply comes into it when it is whole; until then its id is in `pending`.',
        params: conversationParamsSchema,
        querystring: messagesPageSchema,
        response: { 200: messagesSchema, ...refusals },
      },
    },
    async (request, reply) => {
      const caller = requireUser(request.caller);
      const { conversation_id: conversationId } = request.params;
      const reading = core.conversations.messagePage(caller, conversationId, pageOf(request.query));
      const { messages, total, pending } = await ownOrForbidden(core, caller, { conversationId }, reading);
      const rest = { pagination: paginationOf(request.query, total), pending };
      const english = isEnglish(request);
      const [first = [], ...others] = inPortions(messages);
      if (others.length === 0) {
        const shown = await presentAll(core, first, english);
        return answerWith(request, 'found', { messages: shown, ...rest });
      }
      const envelope = answerWith(request, 'found', rest);
      reply.type('application/json; charset=utf-8');
      return reply.send(Readable.from(piecesOf(core, [first, ...others], envelope, english)));
    },
  );
}

async function presentAll({ conversations }: Core, messages: readonly Message[], english: boolean) {
  return (await conversations.whole(messages)).map((message) => presentMessage(message, english));
}

/** The answer as JSON, of which no more than a portion of the messages is in memory at once. */
async function* piecesOf(
  core: Core,
  portions: Message[][],
  { data, ...envelope }: { data: object },
  english: boolean,
): AsyncGenerator<string> {
  let before = `${JSON.stringify(envelope).slice(0, -1)},"data":{"messages":[`;
  for (const portion of portions) {
    for (const message of await presentAll(core, portion, english)) {
      yield before + JSON.stringify(message);
      before = ',';
    }
  }
  yield `],${JSON.stringify(data).slice(1)}}`;
}

async function send(
  options: StudioOptions,
  request: FastifyRequest<{ Params: ConversationParams; Body: NewMessageBody; Querystring: SendQuery }>,
  reply: FastifyReply,
) {
  const { core, running } = options;
  const signal = running.forResponse(reply.raw);
  const caller = requireUser(request.caller);
  const sent = await sendMessage(options, request, reply, { caller, body: request.body });
  const { conversationId, questionId, turnId } = sent;
  const reading = core.conversations.message(caller, conversationId, questionId);
  const question = await ownOrForbidden(core, caller, { messageId: questionId }, reading);
  const english = isEnglish(request);
  const message = presentMessage({ ...question, parts: sent.parts }, english);
  if (!request.query.wait) return answerWith(request, 'sent', message);
  const answer = turnId === null ? null : await replyOf(core, caller, turnId, signal);
  const said = answer === null || isLeftToOthers(answer) ? null : presentAnswer(answer, english);
  return answerWith(request, 'sent', { ...message, reply: said });
}

/** The reply once it is there. */
function replyOf(core: Core, caller: UserCaller, turnId: number, signal: AbortSignal): Promise<Message> {
  return ownOrForbidden(core, caller, { messageId: turnId }, core.turns.result(caller, turnId, signal));
}
