import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../core/identity/caller.ts';
import { credentialsOf } from '../../http/credentials.ts';
import { answerError } from '../../http/error-answer.ts';
import { takeAllowance } from '../../http/rate-limit.ts';
import { gatewayError, presentError } from './errors.ts';
import type { GatewayOptions } from './options.ts';
import { registerCacheRoutes } from './routes/cache.ts';
import { registerChatRoutes } from './routes/chat.ts';
import { registerHealthRoutes } from './routes/health.ts';
import { registerModelRoutes } from './routes/models.ts';
import { registerSocket } from './socket.ts';

/** The gateway contract: stateless completions over many providers (gateway.md). */
export async function gatewayPlugin(app: FastifyInstance, options: GatewayOptions): Promise<void> {
  app.setErrorHandler<FastifyError>((error, request, reply) =>
    renderGatewayError(error, request, reply, options),
  );
  registerHealthRoutes(app, options);
  registerSocket(options);
  await app.register(async (limited) => {
    limited.addHook('onRequest', async (request, reply) => {
      request.caller = await identify(options, request, reply);
      await takeAllowance(options.limits, request.caller, options.requestLimit, reply, options.runtime.now());
    });
    registerChatRoutes(limited, options);
    registerModelRoutes(limited, options);
    registerCacheRoutes(limited, options);
  });
}

/** Bad credentials count against the address, too: guessing keys is not free. */
async function identify(
  options: GatewayOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Caller> {
  const ip = options.clientAddress(request.raw);
  try {
    return await options.authenticator.identify(credentialsOf(request.headers), ip);
  } catch (thrown) {
    const stranger = { kind: 'anonymous', ip } as const;
    await takeAllowance(options.limits, stranger, options.requestLimit, reply, options.runtime.now());
    throw thrown;
  }
}

/** Answers a failed request in this contract's shape; also for addresses that belong to nobody. */
export function renderGatewayError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { runtime }: Pick<GatewayOptions, 'runtime'>,
): FastifyReply {
  return answerError(thrown, request, reply, {
    statusOf: (code) => gatewayError(code).status,
    present: (error) => presentError(error, request.id, runtime.now()),
  });
}
