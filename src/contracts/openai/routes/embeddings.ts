import type { FastifyInstance } from 'fastify';
import { demandScope } from '../../../http/access.ts';
import { refuseInMaintenance } from '../../../http/maintenance.ts';
import type { OpenAiOptions } from '../options.ts';
import { presentEmbeddings } from '../present.ts';
import { embeddingRequestSchema, type EmbeddingRequest } from '../schemas.ts';

/** `POST /v1/embeddings`. */
export function registerEmbeddingRoutes(
  app: FastifyInstance,
  { core, access, running }: OpenAiOptions,
): void {
  app.post<{ Body: EmbeddingRequest }>(
    '/v1/embeddings',
    {
      onRequest: [demandScope(access, 'completions'), refuseInMaintenance(core.maintenance)],
      schema: { tags: ['openai'], summary: 'Texts as vectors', body: embeddingRequestSchema },
    },
    async (request, reply) => {
      const { model, input, dimensions, encoding_format } = request.body;
      const embedded = await core.embeddings.embed(
        request.caller,
        {
          contract: 'openai',
          endpoint: '/v1/embeddings',
          requestId: request.id,
          model,
          inputs: inputsOf(input),
          dimensions: dimensions ?? undefined,
        },
        running.forResponse(reply.raw),
      );
      return presentEmbeddings(embedded, encoding_format === 'base64');
    },
  );
}

/** A single text, or a single list of token numbers, is one input. */
function inputsOf(input: EmbeddingRequest['input']): string[] | number[][] {
  if (typeof input === 'string') return [input];
  if (typeof input[0] === 'number') return [input as number[]];
  return input as string[] | number[][];
}
