import type { FastifyError, FastifyInstance } from 'fastify';
import { answerError } from '../../http/error-answer.ts';
import { refuseInMaintenance } from '../../http/maintenance.ts';
import { takeAllowance } from '../../http/rate-limit.ts';
import { admitUsers } from '../../http/user-access.ts';
import { errorShapeFor } from './errors.ts';
import type { StudioOptions } from './options.ts';
import { registerMessageReads, registerMessageWrites } from './routes/messages.ts';
import { registerStreams } from './routes/stream.ts';

/** The studio contract (studio.md): conversations with text, images and videos, the Bailian proxy, the history of calls. */
export async function studioPlugin(app: FastifyInstance, options: StudioOptions): Promise<void> {
  app.setErrorHandler<FastifyError>((thrown, request, reply) =>
    answerError(thrown, request, reply, errorShapeFor(request)),
  );
  await app.register(async (users) => {
    users.addHook('onRequest', admitUsers(options));
    await users.register(async (open) => {
      open.addHook('onRequest', refuseInMaintenance(options.core.maintenance));
      registerMessageReads(open, options);
      await open.register(async (messages) => registerMessaging(messages, options));
    });
  });
}

/** What counts as a message. */
function registerMessaging(app: FastifyInstance, options: StudioOptions): void {
  const { limits, messageLimit, runtime } = options;
  app.addHook('onRequest', (request, reply) =>
    takeAllowance(limits, request.caller, messageLimit, reply, runtime.now()),
  );
  registerMessageWrites(app, options);
  registerStreams(app, options);
}
