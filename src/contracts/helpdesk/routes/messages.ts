import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Message } from '../../../core/conversations/conversations.ts';
import type { Core } from '../../../core/core.ts';
import { failureOf } from '../../../core/turns/turn.ts';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { refuseInMaintenance } from '../../../http/maintenance.ts';
import { takeAllowance } from '../../../http/rate-limit.ts';
import { askAs, questionOf } from '../input.ts';
import type { HelpdeskOptions } from '../options.ts';
import { customerOf, keyOf, partyOf, type Party } from '../party.ts';
import { presentHistory, presentMessages } from '../present-messages.ts';
import { refusals, repeatableSchema, withOrWithoutLogin } from '../schemas/envelope.ts';
import {
  messagesQuerySchema,
  messagesSchema,
  newMessageSchema,
  sentMessageSchema,
  sessionParamsSchema,
  stoppedSchema,
  type MessagesQuery,
  type NewMessageBody,
  type SessionParams,
} from '../schemas/sessions.ts';

const path = '/api/v1/chat/messages';
const sessionPath = '/api/v1/chat/sessions/:session_id';
const about = { tags: ['helpdesk'], security: withOrWithoutLogin };
const repeatable = { ...about, headers: repeatableSchema };

/** helpdesk.md, "发送消息 (HTTP 备用接口)", and stopping what answers it. */
export function registerMessageWrites(app: FastifyInstance, options: HelpdeskOptions): void {
  const { core, limits, messageLimit, runtime } = options;
  app.post<{ Body: NewMessageBody }>(
    path,
    {
      onRequest: [
        refuseInMaintenance(core.maintenance),
        (request, reply) => takeAllowance(limits, request.caller, messageLimit, reply, runtime.now()),
      ],
      schema: {
        ...repeatable,
        summary: 'Send a message, and wait for the AI’s answer',
        description:
          '`reply` is the AI’s message, and null while a person is in charge. With an agent’s or administrator’s token it is that person’s answer to the customer, who is taken over with it.',
        body: newMessageSchema,
        response: { 201: sentMessageSchema, ...refusals },
      },
    },
    (request, reply) => send(options, request, reply),
  );

  app.post<{ Params: SessionParams }>(
    `${sessionPath}/stop`,
    {
      schema: {
        ...repeatable,
        summary: 'Stop the answers that are on their way; what they said is kept',
        params: sessionParamsSchema,
        response: { 200: stoppedSchema, ...refusals },
      },
    },
    async (request) => {
      const { session_id } = request.params;
      const { caller, conversation } = await customerOf(core, request.caller, session_id);
      const answers = await core.turns.stop(caller, conversation.id, idempotencyOf(request));
      const messages = await presentMessages(core, conversation, answers);
      return { success: true, data: { session_id, stopped: messages.length, messages } };
    },
  );
}

/** helpdesk.md, "获取消息历史", for ids that are no numbers: those are assistant's. */
export function registerMessageReads(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.get<{ Params: SessionParams; Querystring: MessagesQuery }>(
    `${sessionPath}/messages`,
    {
      schema: {
        ...about,
        summary: 'The messages of a session',
        description:
          'A session that belongs to a person is there for that person, agents and administrators; one that belongs to nobody, for all who know its id.',
        params: sessionParamsSchema,
        querystring: messagesQuerySchema,
        response: { 200: messagesSchema, ...refusals },
      },
    },
    async ({ params, query, caller }) => {
      const page = { skip: query.offset, limit: query.limit };
      const key = keyOf(params.session_id);
      const found = await core.conversations.messagesByKey(caller, key, page);
      return { success: true, data: await presentHistory(core, found, query) };
    },
  );
}

async function send(
  options: HelpdeskOptions,
  request: FastifyRequest<{ Body: NewMessageBody }>,
  reply: FastifyReply,
) {
  const { core, running } = options;
  const signal = running.forResponse(reply.raw);
  const party = await partyOf(core, request.caller, request.body.session_id);
  const sent = await (party.kind === 'staff' ? answerAs(core, party, request) : ask(core, party, request));
  if (sent.repeated) reply.header('idempotent-replayed', 'true');
  const answer =
    party.kind === 'customer' && sent.turnId !== null
      ? spoken(await core.turns.result(party.caller, sent.turnId, signal))
      : undefined;
  const shown = answer === undefined ? [sent.message] : [sent.message, answer];
  const [message, answered = null] = await presentMessages(core, party.conversation, shown);
  reply.code(201);
  return { success: true, data: { ...message, reply: answered } };
}

interface Sent {
  message: Message;
  /** The turn that answers; null where none does. */
  turnId: number | null;
  repeated: boolean;
}

async function answerAs(
  core: Core,
  { caller, conversation }: Party & { kind: 'staff' },
  request: FastifyRequest<{ Body: NewMessageBody }>,
): Promise<Sent> {
  const { content } = request.body;
  const said = await core.handoff.reply(caller, conversation.id, content, idempotencyOf(request));
  return { ...said, turnId: null };
}

async function ask(
  core: Core,
  { caller, conversation }: Party & { kind: 'customer' },
  request: FastifyRequest<{ Body: NewMessageBody }>,
): Promise<Sent> {
  const question = questionOf(core, conversation, request.body.content, {
    endpoint: path,
    requestId: request.id,
    idempotency: idempotencyOf(request),
  });
  const { questionId, turnId, repeated } = await askAs(core, caller, question);
  const message = await core.conversations.message(caller, conversation.id, questionId);
  return { message, turnId, repeated };
}

/** The answer, if it says anything: one that a person has taken over before it did, or that was stopped, says nothing. */
function spoken(answer: Message): Message | undefined {
  const failure = failureOf(answer);
  if (failure === undefined) return answer;
  if (failure.code === 'cancelled') return undefined;
  throw failure;
}
