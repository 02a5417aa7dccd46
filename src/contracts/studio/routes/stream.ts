import type { FastifyInstance, FastifyRequest } from 'fastify';
import { invalidField, ParleyError } from '../../../core/errors.ts';
import type { UserCaller } from '../../../core/identity/caller.ts';
import { lastEventIdOf } from '../../../http/event-stream.ts';
import { requireUser } from '../../../http/user-access.ts';
import { isEnglish } from '../envelope.ts';
import type { StudioOptions } from '../options.ts';
import { documented, repeatable } from '../schemas/envelope.ts';
import { conversationParamsSchema, type ConversationParams } from '../schemas/conversations.ts';
import { streamedMessageSchema, type NewMessageBody } from '../schemas/messages.ts';
import { sendMessage } from '../send.ts';
import { streamReply, type StreamedReply } from '../stream.ts';
import { ownOrForbidden } from '../whose.ts';

const streamPath = '/api/conversations/:conversation_id/messages/stream';

const streamText = `Events: \`{"type": "start", conversation_id, message_id, reply_id}\`, \`{"type": "delta", content, offset}\` …, and last
\`{"type": "done", reply}\` or \`{"type": "error", code, message}\`; \`reply\` is the message as the history shows it, null while a person is in charge. Each
has an \`id\`; sent back as \`Last-Event-ID\` (or \`?last_event_id=\`) it goes on exactly there, and sends nothing.`;

type StreamRequest = FastifyRequest<{ Params: ConversationParams; Body: NewMessageBody | null }>;

/** A message whose reply is heard as Server-Sent Events. */
export function registerStreamedSending(app: FastifyInstance, options: StudioOptions): void {
  const { running, imageBodyBytes } = options;
  app.post<{ Params: ConversationParams; Body: NewMessageBody | null }>(
    streamPath,
    {
      bodyLimit: imageBodyBytes,
      schema: {
        ...repeatable,
        summary: 'Send a message and hear its reply as Server-Sent Events, or go on hearing one',
        description: `${streamText} Without a message and without an id, the reply that is on its way is heard from its beginning.`,
        params: conversationParamsSchema,
        body: streamedMessageSchema,
      },
    },
    async (request, reply) => {
      const signal = running.forResponse(reply.raw);
      const caller = requireUser(request.caller);
      const { body } = request;
      const isNew = body?.content !== undefined && lastEventIdOf(request) === undefined;
      if (!isNew) {
        return streamReply(options, reply, caller, await begunReply(options, request, caller), signal);
      }
      const { conversationId, questionId, turnId } = await sendMessage(options, request, reply, {
        caller,
        body,
      });
      const streamed = { conversationId, messageId: questionId, turnId, start: 0 };
      return streamReply(options, reply, caller, { ...streamed, english: isEnglish(request) }, signal);
    },
  );
}

/** Replies on their way, as Server-Sent Events. */
export function registerStreamReads(app: FastifyInstance, options: StudioOptions): void {
  app.get<{ Params: ConversationParams }>(
    streamPath,
    {
      schema: {
        ...documented,
        summary: 'Hear a reply that is on its way, or go on hearing one',
        description: streamText,
        params: conversationParamsSchema,
      },
    },
    async (request, reply) => {
      const signal = options.running.forResponse(reply.raw);
      const caller = requireUser(request.caller);
      const streamed = await begunReply(options, request as StreamRequest, caller);
      return streamReply(options, reply, caller, streamed, signal);
    },
  );
}

/** The turn of the last event that the client saw, from there on; or the one that is being made. Throws `not_found`. */
async function begunReply(
  { core }: StudioOptions,
  request: StreamRequest,
  caller: UserCaller,
): Promise<StreamedReply> {
  const { conversation_id: conversationId } = request.params;
  await ownOrForbidden(core, caller, { conversationId }, core.conversations.get(caller, conversationId));
  const seen = lastEventIdOf(request);
  const [turnId, start] = seen === undefined ? [await activeTurn(core, conversationId), 0] : placeOf(seen);
  const answer = await core.conversations.message(caller, conversationId, turnId);
  if (answer.role !== 'assistant' || start > answer.content.length) throw badEventId();
  const { questionId: messageId } = answer;
  return { conversationId, messageId, turnId, start, english: isEnglish(request) };
}

async function activeTurn({ turns }: StudioOptions['core'], conversationId: number): Promise<number> {
  const [turnId] = await turns.activeIn(conversationId);
  if (turnId === undefined) {
    throw new ParleyError('not_found', 'No reply is on its way in this conversation. Send a message.');
  }
  return turnId;
}

function placeOf(eventId: string): [turnId: number, start: number] {
  const [, turnId, start] = /^(\d{1,15}):(\d{1,15})$/u.exec(eventId) ?? [];
  if (turnId === undefined || start === undefined) throw badEventId();
  return [Number(turnId), Number(start)];
}

function badEventId(): ParleyError {
  return invalidField('Last-Event-ID', { kind: 'invalid' });
}
