import type { FastifyError, FastifyInstance } from 'fastify';
import { answerError } from '../../http/error-answer.ts';
import { errorShape } from './errors.ts';
import type { AssistantOptions } from './options.ts';
import { registerAuthRoutes } from './routes/auth.ts';

/** The assistant contract (assistant.md); so far its accounts. */
export async function assistantPlugin(app: FastifyInstance, options: AssistantOptions): Promise<void> {
  app.setErrorHandler<FastifyError>((thrown, request, reply) =>
    answerError(thrown, request, reply, errorShape),
  );
  registerAuthRoutes(app, options);
}
