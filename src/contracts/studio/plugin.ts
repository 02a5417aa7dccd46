import type { FastifyError, FastifyInstance } from 'fastify';
import { requireScope } from '../../http/access.ts';
import { credentialsOf } from '../../http/credentials.ts';
import { answerError } from '../../http/error-answer.ts';
import { refuseInMaintenance } from '../../http/maintenance.ts';
import { takeAllowance } from '../../http/rate-limit.ts';
import { admitUsers } from '../../http/user-access.ts';
import { errorShapeFor } from './errors.ts';
import type { StudioOptions } from './options.ts';
import { registerLogins, registerOwnLogin } from './routes/auth.ts';
import { registerBailian } from './routes/bailian.ts';
import { registerBudget } from './routes/budget.ts';
import {
  registerConversationBegin,
  registerConversationReads,
  registerConversationWrites,
} from './routes/conversations.ts';
import { registerCallHistory, registerConversationStatistics } from './routes/history.ts';
import { registerMessageReads, registerMessageWrites, registerSending } from './routes/messages.ts';
import { registerStreamedSending, registerStreamReads } from './routes/stream.ts';

/** The studio contract (studio.md): conversations with text, images and videos, the Bailian proxy, the history of calls. */
export async function studioPlugin(app: FastifyInstance, options: StudioOptions): Promise<void> {
  app.setErrorHandler<FastifyError>((thrown, request, reply) =>
    answerError(thrown, request, reply, errorShapeFor(request)),
  );
  registerLogins(app, options);
  await app.register(async (users) => {
    users.addHook('onRequest', admitUsers(options));
    registerOwnLogin(users, options);
    await users.register(async (open) => {
      open.addHook('onRequest', refuseInMaintenance(options.core.maintenance));
      registerConversationReads(open, options);
      registerConversationBegin(open, options);
      registerConversationWrites(open, options);
      registerMessageReads(open, options);
      registerMessageWrites(open, options);
      registerStreamReads(open, options);
      registerConversationStatistics(open, options);
      await open.register(async (messages) => registerMessaging(messages, options));
    });
  });
  await app.register(async (callers) => registerForKeys(callers, options));
}

/** What people and API keys may do. */
async function registerForKeys(app: FastifyInstance, options: StudioOptions): Promise<void> {
  const { authenticator, clientAddress, core } = options;
  app.addHook('onRequest', async (request) => {
    const ip = clientAddress(request.raw);
    request.caller = await authenticator.identify(credentialsOf(request.headers), ip);
    // The document wants a login for all of this, wherever the server listens.
    requireScope({ open: false, openToChanges: false }, request.caller, 'completions');
  });
  app.addHook('onRequest', refuseInMaintenance(core.maintenance));
  registerCallHistory(app, options);
  registerBudget(app, options);
  registerBailian(app, options);
}

/** What counts as a message. */
function registerMessaging(app: FastifyInstance, options: StudioOptions): void {
  const { limits, messageLimit, runtime } = options;
  app.addHook('onRequest', (request, reply) =>
    takeAllowance(limits, request.caller, messageLimit, reply, runtime.now()),
  );
  registerSending(app, options);
  registerStreamedSending(app, options);
}
