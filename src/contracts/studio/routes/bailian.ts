import type { FastifyInstance, FastifyRequest } from 'fastify';
import { answerHead } from '../../../http/openai-answer.ts';
import { takeAllowance } from '../../../http/rate-limit.ts';
import { requireUser } from '../../../http/user-access.ts';
import { streamRelayed } from '../bailian-stream.ts';
import { answerWith } from '../envelope.ts';
import type { StudioOptions } from '../options.ts';
import { bailianPath, presentRelayed, relayInputOf } from '../relay.ts';
import { relayedAnswerSchema, relayedRequestSchema, type RelayedRequest } from '../schemas/bailian.ts';
import { forKeys, refusals } from '../schemas/envelope.ts';
import { ownOrForbidden } from '../whose.ts';

type RelayRequest = FastifyRequest<{ Body: RelayedRequest }>;

/** studio.md, "阿里云百炼API代理接口". */
export function registerBailian(app: FastifyInstance, options: StudioOptions): void {
  const { core, limits, proxyLimit, running, runtime, imageBodyBytes } = options;
  app.post<{ Body: RelayedRequest }>(
    bailianPath,
    {
      onRequest: (request, reply) => takeAllowance(limits, request.caller, proxyLimit, reply, runtime.now()),
      bodyLimit: imageBodyBytes,
      schema: {
        ...forKeys,
        summary: 'Call a model',
        description:
          "Whatever the request holds goes to the provider untouched, and its answer comes back so. With `stream: true` the chunks come as Server-Sent Events, as OpenAI's API has them, without the envelope.",
        body: relayedRequestSchema,
        response: { 200: relayedAnswerSchema, ...refusals },
      },
    },
    async (request, reply) => {
      const signal = running.forResponse(reply.raw);
      const { caller, body } = request;
      const input = relayInputOf(body, request.id);
      await checkConversation(options, request);
      const head = answerHead(runtime.token(16), runtime.now());
      if (body.stream === true) {
        const includeUsage = body.stream_options?.include_usage === true;
        return streamRelayed(options, request, reply, input, { ...head, includeUsage }, signal);
      }
      const completion = await core.completions.complete(caller, input, signal);
      return answerWith(request, 'completed', presentRelayed(completion, head));
    },
  );
}

/** A conversation that the call is for must be the caller's own. */
async function checkConversation({ core }: StudioOptions, request: RelayRequest): Promise<void> {
  const { conversation_id: conversationId } = request.body;
  if (typeof conversationId !== 'number') return;
  const caller = requireUser(request.caller);
  await ownOrForbidden(core, caller, { conversationId }, core.conversations.get(caller, conversationId));
}
