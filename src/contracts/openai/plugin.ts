import type { FastifyError, FastifyInstance } from 'fastify';
import { limitFor, takeAllowance } from '../../http/rate-limit.ts';
import { credentialsOf } from '../../http/credentials.ts';
import { answerError } from '../../http/error-answer.ts';
import { openAiError, presentError } from './errors.ts';
import type { OpenAiOptions } from './options.ts';
import { registerChatRoutes } from './routes/chat.ts';
import { registerEmbeddingRoutes } from './routes/embeddings.ts';
import { registerModelRoutes } from './routes/models.ts';

/** OpenAI's own API under `/v1`, for its clients with only their base URL changed. */
export async function openAiPlugin(app: FastifyInstance, options: OpenAiOptions): Promise<void> {
  const { authenticator, access, limits, runtime, clientAddress } = options;

  app.setErrorHandler<FastifyError>((thrown, request, reply) =>
    answerError(thrown, request, reply, {
      statusOf: (code) => openAiError(code).status,
      present: presentError,
    }),
  );
  app.setSerializerCompiler(() => JSON.stringify);

  app.addHook('onRequest', async (request, reply) => {
    const ip = clientAddress(request.raw);
    request.caller = await authenticator.identify(credentialsOf(request.headers), ip, {
      lenient: access.open,
    });
    const { caller } = request;
    if (caller.kind !== 'key' || caller.requestsPerMinute === null) return;
    await takeAllowance(limits, caller, limitFor(caller, noDoorLimit).limit, reply, runtime.now());
  });

  registerChatRoutes(app, options);
  registerModelRoutes(app, options);
  registerEmbeddingRoutes(app, options);
}

const noDoorLimit = { name: 'openai', points: Number.MAX_SAFE_INTEGER, burst: 0, windowMs: 60_000 };
