import type { FastifyInstance } from 'fastify';
import { demandScope } from '../../../http/access.ts';
import { refuseInMaintenance } from '../../../http/maintenance.ts';
import { answerHead, presentCompletion } from '../../../http/openai-answer.ts';
import { chatPath, completionInput } from '../input.ts';
import type { OpenAiOptions } from '../options.ts';
import { chatRequestSchema, type ChatRequest } from '../schemas.ts';
import { streamAnswer } from '../stream.ts';

/** `POST /v1/chat/completions`. */
export function registerChatRoutes(app: FastifyInstance, options: OpenAiOptions): void {
  const { core, access, running, runtime } = options;
  app.post<{ Body: ChatRequest }>(
    chatPath,
    {
      onRequest: [demandScope(access, 'completions'), refuseInMaintenance(core.maintenance)],
      bodyLimit: options.imageBodyBytes,
      schema: {
        tags: ['openai'],
        summary: "Chat completion, as OpenAI's API has it",
        description:
          'With `stream: true` answers as Server-Sent Events. Unknown fields go to the provider untouched.',
        body: chatRequestSchema,
      },
    },
    async (request, reply) => {
      const { body } = request;
      const input = completionInput(body, request.id, options.cache ? { read: true, write: true } : null);
      const head = answerHead(runtime.token(16), runtime.now());
      if (body.stream === true) {
        const includeUsage = body.stream_options?.include_usage === true;
        return streamAnswer(options, request, reply, input, { ...head, includeUsage });
      }
      const completion = await core.completions.complete(
        request.caller,
        input,
        running.forResponse(reply.raw),
      );
      return presentCompletion(completion, head);
    },
  );
}
