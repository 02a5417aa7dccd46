import type { FastifyError, FastifyInstance } from 'fastify';
import { ParleyError } from '../../../core/errors.ts';
import { failureOf } from '../../../core/turns/turn.ts';
import { answerError } from '../../../http/error-answer.ts';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { requireUser } from '../../../http/user-access.ts';
import { sharedErrorShape } from '../errors.ts';
import { chatToStop } from '../chat-to-stop.ts';
import type { CompanionOptions } from '../options.ts';
import { presentAnswer, presentMessage, presentRating } from '../present.ts';
import {
  chatRequestSchema,
  chatResponseSchema,
  errorSchema,
  ratingRequestSchema,
  ratingSchema,
  sharedErrorSchema,
  stoppedSchema,
  type ChatRequest,
  type RatingRequest,
} from '../schemas.ts';

const path = '/api/v1/chat';
const about = { tags: ['companion'], security: [{ bearer: [] }] };

/** Messages of the chat that come with an answer. */
const shownWithAnswer = 100;

/** `POST /api/v1/chat`, for those who logged in here: assistant has the same address. */
export function registerChat(app: FastifyInstance, { core, running }: CompanionOptions): void {
  app.post<{ Body: ChatRequest }>(
    path,
    {
      constraints: { issuer: 'companion' },
      errorHandler: (thrown: FastifyError, request, reply) =>
        void answerError(thrown, request, reply, sharedErrorShape),
      schema: {
        ...about,
        summary: 'Ask, with a token of `/login`',
        description:
          'Goes on with the current chat, or begins a new one where there was no message for 30 minutes. Takes an `Idempotency-Key`.',
        body: chatRequestSchema,
        response: { 200: chatResponseSchema, '4xx': sharedErrorSchema, '5xx': errorSchema },
      },
    },
    async (request, reply) => {
      const caller = requireUser(request.caller);
      const signal = running.forResponse(reply.raw);
      const asked = await core.turns.ask(caller, {
        contract: 'companion',
        endpoint: path,
        requestId: request.id,
        place: { kind: 'current' },
        text: request.body.message,
        idempotency: idempotencyOf(request),
      });
      if (asked.repeated) reply.header('idempotent-replayed', 'true');
      // While a person is in charge, nothing is answered at once.
      const answer = asked.turnId === null ? null : await core.turns.result(caller, asked.turnId, signal);
      const failure = answer === null ? undefined : failureOf(answer);
      // What somebody stopped before it began is an answer that says nothing.
      if (failure !== undefined && failure.code !== 'cancelled') throw failure;
      const messages = await core.conversations.recent(caller, asked.conversationId, shownWithAnswer);
      return presentAnswer(answer, messages);
    },
  );
}

/** `POST /api/v1/chat/stop`. */
export function registerStop(app: FastifyInstance, { core }: CompanionOptions): void {
  app.post(
    `${path}/stop`,
    {
      schema: {
        ...about,
        summary: 'Stop the answer on its way',
        description:
          'In the newest companion chat, or, where none is on its way there, where the user asked last. What it has said is kept. Takes an `Idempotency-Key`: a repeat stops nothing newer.',
        response: { 200: stoppedSchema, '4xx': errorSchema, '5xx': errorSchema },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      const chat = await chatToStop(core, caller);
      const answers = chat === undefined ? [] : await core.turns.stop(caller, chat, idempotencyOf(request));
      return { stopped: answers.length, messages: answers.map(presentMessage) };
    },
  );
}

/** `POST /api/v1/chat/rating`. */
export function registerRating(app: FastifyInstance, { core }: CompanionOptions): void {
  app.post<{ Body: RatingRequest }>(
    `${path}/rating`,
    {
      schema: {
        ...about,
        summary: 'Rate the chat',
        description:
          'The current one, or the one before where none is. A new rating replaces the earlier. Takes an `Idempotency-Key`.',
        body: ratingRequestSchema,
        response: { 200: ratingSchema, '4xx': errorSchema, '5xx': errorSchema },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      const chat = await core.conversations.newest(caller, 'companion');
      if (chat === undefined) throw new ParleyError('not_found', 'There is no chat to rate yet.');
      const { score, comment } = request.body;
      const rating = { score, comment };
      const given = await core.conversations.rate(caller, chat.id, rating, idempotencyOf(request));
      return presentRating(given);
    },
  );
}
