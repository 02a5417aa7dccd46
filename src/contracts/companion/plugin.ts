import type { FastifyError, FastifyInstance } from 'fastify';
import { answerError } from '../../http/error-answer.ts';
import { refuseInMaintenance } from '../../http/maintenance.ts';
import { takeAllowance } from '../../http/rate-limit.ts';
import { admitUsers } from '../../http/user-access.ts';
import { errorShape } from './errors.ts';
import type { CompanionOptions } from './options.ts';
import { registerLogin, registerLogout } from './routes/auth.ts';
import { registerChat, registerRating, registerStop } from './routes/chat.ts';
import { registerHistory } from './routes/history.ts';
import { registerStatisticsRoutes } from './routes/stats.ts';
import { registerSocket } from './socket.ts';

/** The companion contract: one running chat per user (companion.md). */
export async function companionPlugin(app: FastifyInstance, options: CompanionOptions): Promise<void> {
  app.setErrorHandler<FastifyError>((thrown, request, reply) =>
    answerError(thrown, request, reply, errorShape),
  );
  registerLogin(app, options);
  registerSocket(options);
  await app.register(async (users) => {
    users.addHook('onRequest', admitUsers(options));
    registerLogout(users, options);
    await users.register(async (open) => {
      open.addHook('onRequest', refuseInMaintenance(options.core.maintenance));
      registerStatisticsRoutes(open, options);
      await open.register(async (chat) => registerChatRoutes(chat, options));
    });
  });
}

/** What counts as a chat call. */
function registerChatRoutes(app: FastifyInstance, options: CompanionOptions): void {
  const { limits, chatLimit, runtime } = options;
  app.addHook('onRequest', (request, reply) =>
    takeAllowance(limits, request.caller, chatLimit, reply, runtime.now()),
  );
  registerChat(app, options);
  registerStop(app, options);
  registerRating(app, options);
  registerHistory(app, options);
}
