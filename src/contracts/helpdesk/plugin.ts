import type { FastifyError, FastifyInstance } from 'fastify';
import { ParleyError } from '../../core/errors.ts';
import { answerError } from '../../http/error-answer.ts';
import { takeAllowance } from '../../http/rate-limit.ts';
import { admitUsers, requireUser } from '../../http/user-access.ts';
import { errorShapeFor } from './errors.ts';
import type { HelpdeskOptions } from './options.ts';
import { registerApiKeyRoutes } from './routes/api-keys.ts';
import { registerMaintenanceRoutes } from './routes/maintenance.ts';
import { registerSessionMessages } from './routes/session-messages.ts';

/** The helpdesk contract (helpdesk.md); so far the messages of a session, and what only administrators may do. */
export async function helpdeskPlugin(app: FastifyInstance, options: HelpdeskOptions): Promise<void> {
  app.setErrorHandler<FastifyError>((thrown, request, reply) =>
    answerError(thrown, request, reply, errorShapeFor(request)),
  );
  registerSessionMessages(app, options);
  await app.register(async (admin) => {
    admin.addHook('onRequest', admitUsers(options));
    admin.addHook('onRequest', async (request, reply) => {
      const caller = requireUser(request.caller);
      await takeAllowance(options.limits, caller, options.adminLimit, reply, options.runtime.now());
      if (caller.role !== 'admin') throw new ParleyError('forbidden', 'Only administrators may do this.');
    });
    registerApiKeyRoutes(admin, options);
    registerMaintenanceRoutes(admin, options);
  });
}
