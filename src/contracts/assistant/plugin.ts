import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify';
import { answerError, type ErrorShape } from '../../http/error-answer.ts';
import { refuseInMaintenance } from '../../http/maintenance.ts';
import { takeAllowance } from '../../http/rate-limit.ts';
import { admitUsers } from '../../http/user-access.ts';
import { errorShape, sharedErrorShape } from './errors.ts';
import type { AssistantOptions } from './options.ts';
import { registerAuthRoutes } from './routes/auth.ts';
import { chatPath, registerChatRoutes } from './routes/chat.ts';
import { registerRating, registerSessionReads, registerSessionWrites } from './routes/sessions.ts';
import { registerStatisticsRoutes } from './routes/statistics.ts';
import { registerSocket } from './socket.ts';

/** The assistant contract (assistant.md): accounts, sessions, statistics, a socket per session. */
export async function assistantPlugin(app: FastifyInstance, options: AssistantOptions): Promise<void> {
  const { core, limits, chatLimit, runtime } = options;
  app.setErrorHandler<FastifyError>((thrown, request, reply) =>
    answerError(thrown, request, reply, shapeFor(request)),
  );
  registerAuthRoutes(app, options);
  registerSocket(options);
  await app.register(async (users) => {
    users.addHook('onRequest', admitUsers(options));
    users.addHook('onRequest', refuseInMaintenance(core.maintenance));
    users.addHook('onRequest', (request, reply) =>
      takeAllowance(limits, request.caller, chatLimit, reply, runtime.now()),
    );
    registerChatRoutes(users, options);
    registerSessionReads(users, options);
    registerSessionWrites(users, options);
    registerRating(users, options);
    registerStatisticsRoutes(users, options);
  });
}

/** At the address that another contract has too, one without a token may be a client of either. */
function shapeFor({ routeOptions }: FastifyRequest): ErrorShape {
  return routeOptions.url === chatPath ? sharedErrorShape : errorShape;
}
