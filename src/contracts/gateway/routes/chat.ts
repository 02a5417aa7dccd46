import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { demandScope } from '../../../http/access.ts';
import { refuseInMaintenance } from '../../../http/maintenance.ts';
import { completionInput, cachePolicyOf } from '../input.ts';
import type { GatewayOptions } from '../options.ts';
import { presentCompletion } from '../present.ts';
import { chatRequestSchema, chatResponseSchema, errorSchema, type ChatRequest } from '../schemas.ts';
import { streamAnswer } from '../stream.ts';

const completionPath = '/api/v1/chat/completion';
const streamPath = '/api/v1/chat/stream';

/** `POST /api/v1/chat/completion` and `POST /api/v1/chat/stream`. */
export function registerChatRoutes(app: FastifyInstance, options: GatewayOptions): void {
  const onRequest = [
    demandScope(options.access, 'completions'),
    refuseInMaintenance(options.core.maintenance),
  ];

  app.post<{ Body: ChatRequest }>(
    completionPath,
    {
      onRequest,
      schema: {
        tags: ['gateway'],
        summary: 'Answer a message',
        body: chatRequestSchema,
        response: { 200: chatResponseSchema, '4xx': errorSchema, '5xx': errorSchema },
      },
    },
    (request, reply) =>
      request.body.stream === true
        ? streamAnswer(options, request, reply, inputOf(options, request, completionPath))
        : completeAnswer(options, request, reply),
  );

  app.post<{ Body: ChatRequest }>(
    streamPath,
    {
      onRequest,
      schema: {
        tags: ['gateway'],
        summary: 'Answer a message as Server-Sent Events',
        description:
          'Frames: `{"chunk", "index"}` …, then `{"finished": true, "usage"}`, or `{"error", "code"}`.',
        body: chatRequestSchema,
      },
    },
    (request, reply) => streamAnswer(options, request, reply, inputOf(options, request, streamPath)),
  );
}

async function completeAnswer(
  options: GatewayOptions,
  request: FastifyRequest<{ Body: ChatRequest }>,
  reply: FastifyReply,
) {
  const { core, running, runtime } = options;
  const signal = running.forResponse(reply.raw);
  const completion = await core.completions.complete(
    request.caller,
    inputOf(options, request, completionPath),
    signal,
  );
  reply.header('x-cache-status', completion.cache.status);
  return presentCompletion(completion, request.id, runtime.now());
}

function inputOf(
  { cacheEnabled }: GatewayOptions,
  request: FastifyRequest<{ Body: ChatRequest }>,
  endpoint: string,
) {
  const cache = cachePolicyOf(cacheEnabled, request.headers['cache-control']);
  return completionInput(request.body, { endpoint, requestId: request.id, cache });
}
