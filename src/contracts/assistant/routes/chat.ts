import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Message } from '../../../core/conversations/conversations.ts';
import type { UserCaller } from '../../../core/identity/caller.ts';
import { failureOf, isLeftToOthers, type Asked, type Place } from '../../../core/turns/turn.ts';
import { lastEventIdOf } from '../../../http/event-stream.ts';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { requireUser } from '../../../http/user-access.ts';
import { badEventId, noAnswerRunning, numberOf, questionOf, sessionOf } from '../input.ts';
import type { AssistantOptions } from '../options.ts';
import { presentAnswer } from '../present.ts';
import {
  chatRequestSchema,
  chatResponseSchema,
  errorSchema,
  repeatableSchema,
  sessionParamsSchema,
  streamRequestSchema,
  type ChatRequest,
  type SessionParams,
  type StreamRequest,
} from '../schemas.ts';
import { questionTo, streamQuestion, streamTurn, type StreamedTurn } from '../stream.ts';

export const chatPath = '/api/v1/chat';
const streamPath = '/api/v1/chat/sessions/:session_id/stream';

const documented = { tags: ['assistant'], security: [{ bearer: [] }] };
const repeatable = { ...documented, headers: repeatableSchema };
const failures = { '4xx': errorSchema, '5xx': errorSchema };

const streamText = `Events: \`{"type": "start", session_id, message_id, turn_id}\`, \`{"type": "delta", content, offset}\` …, and last
\`{"type": "done", session_id, message, total_tokens}\` or \`{"type": "error", error}\`. Each has an \`id\`; sent back as \`Last-Event-ID\` (or
\`?last_event_id=\`) it goes on exactly there, and asks nothing.`;

/** `POST /api/v1/chat`, and the streams of answers. */
export function registerChatRoutes(app: FastifyInstance, options: AssistantOptions): void {
  app.post<{ Body: ChatRequest }>(
    chatPath,
    {
      schema: {
        ...repeatable,
        summary: 'Send a message and wait for its answer',
        description: 'The answer is made, and kept, also where the client does not wait for it.',
        body: chatRequestSchema,
        response: { 200: chatResponseSchema, ...failures },
      },
    },
    (request, reply) => answerQuestion(options, request, reply),
  );

  app.post<{ Params: SessionParams; Body: StreamRequest | null }>(
    streamPath,
    {
      schema: {
        ...repeatable,
        summary: 'Send a message and hear its answer as Server-Sent Events, or go on hearing one',
        description: `${streamText} Without a message and without an id, the answer that is on its way is heard from its beginning.`,
        params: sessionParamsSchema,
        body: streamRequestSchema,
      },
    },
    async (request, reply) => {
      const signal = options.running.forResponse(reply.raw);
      const caller = requireUser(request.caller);
      const streamed = await turnOf(options, request, reply, caller);
      if ('question' in streamed) return streamQuestion(reply, streamed.question);
      return streamTurn(options, reply, caller, streamed, signal);
    },
  );

  app.get<{ Params: SessionParams }>(
    streamPath,
    {
      schema: {
        ...documented,
        summary: 'Hear an answer that is on its way, or go on hearing one',
        description: streamText,
        params: sessionParamsSchema,
      },
    },
    async (request, reply) => {
      const signal = options.running.forResponse(reply.raw);
      const caller = requireUser(request.caller);
      return streamTurn(options, reply, caller, await begunTurn(options, request, caller), signal);
    },
  );
}

async function answerQuestion(
  options: AssistantOptions,
  request: FastifyRequest<{ Body: ChatRequest }>,
  reply: FastifyReply,
) {
  const { core, running } = options;
  const signal = running.forResponse(reply.raw);
  const caller = requireUser(request.caller);
  const { message, session_id: id, stream = false } = request.body;
  const place: Place = id === undefined || id === null ? { kind: 'new' } : { kind: 'existing', id };
  const asked = await ask(options, request, reply, questionFrom(request, message, place));
  const { conversationId: sessionId, questionId, turnId } = asked;
  // While a person is in charge, there is nothing but the question.
  if (turnId === null) {
    const question = await core.conversations.message(caller, sessionId, questionId);
    return stream ? streamQuestion(reply, question) : presentAnswer(question);
  }
  if (stream) return streamTurn(options, reply, caller, { sessionId, turnId, start: 0 }, signal);
  const answer = await core.turns.result(caller, turnId, signal);
  if (isLeftToOthers(answer)) return presentAnswer(await questionTo(core, caller, answer));
  const failure = failureOf(answer);
  if (failure !== undefined) throw failure;
  return presentAnswer(answer);
}

/** The turn that a client of the stream wants to hear; while a person is in charge, the question alone. */
async function turnOf(
  options: AssistantOptions,
  request: FastifyRequest<{ Params: SessionParams; Body: StreamRequest | null }>,
  reply: FastifyReply,
  caller: UserCaller,
): Promise<StreamedTurn | { question: Message }> {
  const { message } = request.body ?? {};
  if (message === undefined || lastEventIdOf(request) !== undefined) {
    return begunTurn(options, request, caller);
  }
  const place: Place = { kind: 'existing', id: sessionOf(request) };
  const asked = await ask(options, request, reply, questionFrom(request, message, place));
  const { conversationId: sessionId, questionId, turnId } = asked;
  if (turnId !== null) return { sessionId, turnId, start: 0 };
  return { question: await options.core.conversations.message(caller, sessionId, questionId) };
}

/** The turn of the last event that the client saw, from there on; or the one that is running. Throws `not_found`. */
async function begunTurn(
  { core }: AssistantOptions,
  request: FastifyRequest<{ Params: SessionParams }>,
  caller: UserCaller,
): Promise<StreamedTurn> {
  const sessionId = sessionOf(request);
  const seen = lastEventIdOf(request);
  if (seen === undefined) {
    await core.conversations.get(caller, sessionId);
    const [turnId] = await core.turns.activeIn(sessionId);
    if (turnId === undefined) throw noAnswerRunning();
    return { sessionId, turnId, start: 0 };
  }
  const [turnId, start, ...rest] = seen.split(':').map(numberOf);
  if (turnId === undefined || start === undefined || rest.length > 0) throw badEventId();
  const answer = await core.conversations.message(caller, sessionId, turnId);
  if (answer.role !== 'assistant' || start > answer.content.length) throw badEventId();
  return { sessionId, turnId, start };
}

function questionFrom(
  request: FastifyRequest<{ Body: StreamRequest | ChatRequest | null }>,
  text: string,
  place: Place,
) {
  const { routeOptions, id: requestId, body } = request;
  const from = { endpoint: routeOptions.url ?? chatPath, requestId, idempotency: idempotencyOf(request) };
  return questionOf(body ?? {}, text, place, from);
}

/** A repeat under the same key is answered with what the first got, and says so. */
async function ask(
  { core }: AssistantOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  question: ReturnType<typeof questionOf>,
): Promise<Asked> {
  const asked = await core.turns.ask(requireUser(request.caller), question);
  if (asked.repeated) reply.header('idempotent-replayed', 'true');
  return asked;
}
