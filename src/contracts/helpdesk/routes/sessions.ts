import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify';
import type { Conversation } from '../../../core/conversations/conversations.ts';
import type { Core } from '../../../core/core.ts';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { takeAllowance } from '../../../http/rate-limit.ts';
import type { HelpdeskOptions } from '../options.ts';
import { customerOf, partyOf } from '../party.ts';
import { presentSession } from '../present.ts';
import { refusals, repeatableSchema, withOrWithoutLogin } from '../schemas/envelope.ts';
import {
  newSessionSchema,
  ratedSchema,
  ratingSchema,
  sessionParamsSchema,
  sessionSchema,
  switchSchema,
  type NewSessionBody,
  type RatingBody,
  type SessionParams,
  type SwitchBody,
} from '../schemas/sessions.ts';

const path = '/api/v1/chat/sessions';
const sessionPath = `${path}/:session_id`;
const about = { tags: ['helpdesk'], security: withOrWithoutLogin };
const repeatable = { ...about, headers: repeatableSchema };

/** helpdesk.md, "创建会话" and "获取会话信息". */
export function registerSessionRoutes(app: FastifyInstance, options: HelpdeskOptions): void {
  const { core } = options;
  app.post<{ Body: NewSessionBody }>(
    path,
    {
      onRequest: visitCounter(options),
      schema: {
        ...repeatable,
        summary: 'Begin a session',
        description:
          'With a user’s access token it belongs to that user; else to nobody, and whoever has its id has the session.',
        body: newSessionSchema,
        response: { 201: sessionSchema, ...refusals },
      },
    },
    async (request, reply) => {
      const { user_id, metadata } = request.body ?? {};
      const start = { contract: 'helpdesk', guestId: user_id ?? undefined, metadata: metadata ?? undefined };
      const begun = await core.conversations.begin(request.caller, start, idempotencyOf(request));
      reply.code(201);
      return answer(core, begun);
    },
  );

  app.get<{ Params: SessionParams }>(
    sessionPath,
    {
      schema: {
        ...about,
        summary: 'One session',
        description:
          'A session that belongs to a person is there for that person, agents and administrators; one that belongs to nobody, for all who know its id.',
        params: sessionParamsSchema,
        response: { 200: sessionSchema, ...refusals },
      },
    },
    async ({ params, caller }) => {
      const { conversation } = await partyOf(core, caller, params.session_id);
      return answer(core, conversation);
    },
  );
}

/** helpdesk.md, "切换代理类型". */
export function registerSwitch(app: FastifyInstance, options: HelpdeskOptions): void {
  const { core } = options;
  app.post<{ Params: SessionParams; Body: SwitchBody }>(
    `${sessionPath}/switch-agent`,
    {
      onRequest: visitCounter(options),
      schema: {
        ...repeatable,
        summary: 'Ask for a person, or go back to the AI',
        description:
          'With `human` the AI falls silent at once and the session waits for a person; with `ai` the AI answers again.',
        params: sessionParamsSchema,
        body: switchSchema,
        response: { 200: sessionSchema, ...refusals },
      },
    },
    async (request) => {
      const { agent_type: to, reason = null } = request.body;
      const { caller, conversation } = await partyOf(core, request.caller, request.params.session_id);
      const idempotency = idempotencyOf(request);
      return answer(core, await core.handoff.switchTo(caller, conversation.id, to, reason, idempotency));
    },
  );
}

/** `POST /api/v1/chat/sessions/{session_id}/rating`, for ids that are no numbers: those are assistant's. */
export function registerRating(app: FastifyInstance, options: HelpdeskOptions): void {
  const { core } = options;
  app.post<{ Params: SessionParams; Body: RatingBody }>(
    `${sessionPath}/rating`,
    {
      onRequest: visitCounter(options),
      schema: {
        ...repeatable,
        summary: 'Rate a session, or change the rating',
        params: sessionParamsSchema,
        body: ratingSchema,
        response: { 200: ratedSchema, ...refusals },
      },
    },
    async (request) => {
      const { session_id } = request.params;
      const { caller, conversation } = await customerOf(core, request.caller, session_id);
      const idempotency = idempotencyOf(request);
      const rated = await core.conversations.rate(caller, conversation.id, request.body, idempotency);
      const { score, comment, createdAt } = rated;
      const created_at = new Date(createdAt).toISOString();
      return { success: true, data: { session_id, score, comment, created_at } };
    },
  );
}

/** What every agent is told of must not come in floods. */
function visitCounter({ limits, visitLimit, runtime }: HelpdeskOptions): onRequestAsyncHookHandler {
  return (request, reply) => takeAllowance(limits, request.caller, visitLimit, reply, runtime.now());
}

async function answer(core: Core, conversation: Conversation) {
  const shown = await core.desk.present(conversation);
  return { success: true, data: presentSession(shown, conversation.metadata) };
}
