import type { FastifyError, FastifyInstance } from 'fastify';
import { credentialsOf } from '../../http/credentials.ts';
import { answerError } from '../../http/error-answer.ts';
import { requireUser } from '../../http/user-access.ts';
import { errorShape } from './errors.ts';
import type { CompanionOptions } from './options.ts';
import { registerLogin, registerLogout } from './routes/auth.ts';

/** The companion contract (companion.md); so far its login and logout. */
export async function companionPlugin(app: FastifyInstance, options: CompanionOptions): Promise<void> {
  app.setErrorHandler<FastifyError>((thrown, request, reply) =>
    answerError(thrown, request, reply, errorShape),
  );
  registerLogin(app, options);
  await app.register(async (users) => {
    users.addHook('onRequest', async (request) => {
      const ip = options.clientAddress(request.raw);
      request.caller = requireUser(await options.authenticator.identify(credentialsOf(request.headers), ip));
    });
    registerLogout(users, options);
  });
}
