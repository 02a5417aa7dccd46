import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ContentPart } from '../../core/completions/messages.ts';
import type { UserCaller } from '../../core/identity/caller.ts';
import type { Asked } from '../../core/turns/turn.ts';
import { idempotencyOf } from '../../http/idempotency.ts';
import { inOwnFields } from './field-names.ts';
import type { StudioOptions } from './options.ts';
import { partsOf, questionOf } from './question.ts';
import type { ConversationParams } from './schemas/conversations.ts';
import type { NewMessageBody } from './schemas/messages.ts';
import { ownOrForbidden } from './whose.ts';

/** A message that is stored. */
export interface Sent extends Asked {
  parts: ContentPart[];
}

/** Stores a message. A repeat under the same key is answered with what the first got, and says so; whether it waits is no part of it. */
export async function sendMessage(
  { core }: Pick<StudioOptions, 'core'>,
  request: FastifyRequest<{ Params: ConversationParams; Body: NewMessageBody | null }>,
  reply: FastifyReply,
  { caller, body }: { caller: UserCaller; body: NewMessageBody },
): Promise<Sent> {
  const { headers, method, routeOptions, params, id: requestId } = request;
  const { conversation_id: conversationId } = params;
  const parts = partsOf(body);
  const idempotency = idempotencyOf({ headers, method, routeOptions, params, query: {}, body });
  const endpoint = routeOptions.url ?? '';
  const question = questionOf(conversationId, parts, { endpoint, requestId, idempotency });
  const asking = core.turns.ask(caller, question).catch((thrown: unknown) => {
    throw inOwnFields(thrown);
  });
  const asked = await ownOrForbidden(core, caller, { conversationId }, asking);
  if (asked.repeated) reply.header('idempotent-replayed', 'true');
  return { ...asked, parts };
}
