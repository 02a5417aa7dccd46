import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { requireUser } from '../../../http/user-access.ts';
import { sessionOf } from '../input.ts';
import type { AssistantOptions } from '../options.ts';
import { presentMessage, presentRating, presentSession } from '../present.ts';
import {
  errorSchema,
  messageSchema,
  messagesPageSchema,
  ratingRequestSchema,
  ratingSchema,
  removedSchema,
  renameRequestSchema,
  repeatableSchema,
  sessionParamsSchema,
  sessionSchema,
  sessionsPageSchema,
  stoppedSchema,
  type Page,
  type RatingRequest,
  type RenameRequest,
  type SessionParams,
} from '../schemas.ts';

const sessionsPath = '/api/v1/chat/sessions';
const sessionPath = `${sessionsPath}/:session_id`;
/** Where another contract has the same address, ids that are no numbers belong to it. */
const numberedPath = String.raw`${sessionsPath}/:session_id(^\d+$)`;

const documented = { tags: ['assistant'], security: [{ bearer: [] }] };
const repeatable = { ...documented, headers: repeatableSchema };
const failures = { '4xx': errorSchema, '5xx': errorSchema };

/** Sessions as their users read them. */
export function registerSessionReads(app: FastifyInstance, { core }: AssistantOptions): void {
  const { conversations, feed } = core;

  app.get<{ Querystring: Page }>(
    sessionsPath,
    {
      schema: {
        ...documented,
        summary: 'Own sessions, newest first',
        querystring: sessionsPageSchema,
        response: { 200: Type.Array(sessionSchema), ...failures },
      },
    },
    async (request) => {
      const sessions = await conversations.list(requireUser(request.caller), request.query);
      return sessions.map(presentSession);
    },
  );

  app.get<{ Params: SessionParams }>(
    numberedPath,
    {
      schema: {
        ...documented,
        summary: 'One session',
        params: sessionParamsSchema,
        response: { 200: sessionSchema, ...failures },
      },
    },
    async (request) =>
      presentSession(await conversations.get(requireUser(request.caller), sessionOf(request))),
  );

  app.get<{ Params: SessionParams; Querystring: Page }>(
    `${numberedPath}/messages`,
    {
      schema: {
        ...documented,
        summary: 'The messages of a session, oldest first',
        description:
          'The header `X-Feed-Cursor` is a cursor to open `WS /ws/chat/{session_id}?cursor=` with: it tells of everything that changes after this answer.',
        params: sessionParamsSchema,
        querystring: messagesPageSchema,
        response: { 200: Type.Array(messageSchema), ...failures },
      },
    },
    async (request, reply) => {
      const cursor = await feed.head();
      const messages = await conversations.messages(
        requireUser(request.caller),
        sessionOf(request),
        request.query,
      );
      reply.header('x-feed-cursor', cursor);
      return messages.map(presentMessage);
    },
  );
}

/** What users do with their sessions; an `Idempotency-Key` makes a repeat harmless. */
export function registerSessionWrites(app: FastifyInstance, { core }: AssistantOptions): void {
  const { conversations, turns } = core;

  app.patch<{ Params: SessionParams; Body: RenameRequest }>(
    sessionPath,
    {
      schema: {
        ...repeatable,
        summary: 'Give a session another title',
        params: sessionParamsSchema,
        body: renameRequestSchema,
        response: { 200: sessionSchema, ...failures },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      const { title } = request.body;
      return presentSession(
        await conversations.rename(caller, sessionOf(request), title, idempotencyOf(request)),
      );
    },
  );

  app.delete<{ Params: SessionParams }>(
    sessionPath,
    {
      schema: {
        ...repeatable,
        summary: 'Delete a session and its messages',
        params: sessionParamsSchema,
        response: { 200: removedSchema, ...failures },
      },
    },
    async (request) => {
      const id = sessionOf(request);
      await conversations.remove(requireUser(request.caller), id, idempotencyOf(request));
      return { id, status: 'deleted' };
    },
  );

  app.post<{ Params: SessionParams }>(
    `${numberedPath}/stop`,
    {
      schema: {
        ...repeatable,
        summary: 'Stop the answers that are on their way; what they said is kept',
        params: sessionParamsSchema,
        response: { 200: stoppedSchema, ...failures },
      },
    },
    async (request) => {
      const id = sessionOf(request);
      const answers = await turns.stop(requireUser(request.caller), id, idempotencyOf(request));
      return { session_id: id, stopped: answers.length, messages: answers.map(presentMessage) };
    },
  );
}

/** `POST /api/v1/chat/sessions/{session_id}/rating`. */
export function registerRating(app: FastifyInstance, { core }: AssistantOptions): void {
  app.post<{ Params: SessionParams; Body: RatingRequest }>(
    `${numberedPath}/rating`,
    {
      schema: {
        ...repeatable,
        summary: 'Rate a session, or change the rating',
        params: sessionParamsSchema,
        body: ratingRequestSchema,
        response: { 200: ratingSchema, ...failures },
      },
    },
    async (request) => {
      const id = sessionOf(request);
      const caller = requireUser(request.caller);
      const rating = await core.conversations.rate(caller, id, request.body, idempotencyOf(request));
      return presentRating(id, rating);
    },
  );
}
