import type { FastifyInstance } from 'fastify';
import { ParleyError } from '../../../core/errors.ts';
import { demandScope } from '../../../http/access.ts';
import type { OpenAiOptions } from '../options.ts';
import { presentModel } from '../present.ts';
import { modelParamsSchema } from '../schemas.ts';

/** `GET /v1/models` lists the models that can answer at present; `GET /v1/models/{model}` knows all of them. */
export function registerModelRoutes(app: FastifyInstance, { core, access }: OpenAiOptions): void {
  app.get(
    '/v1/models',
    {
      onRequest: demandScope(access, 'completions'),
      schema: { tags: ['openai'], summary: 'The models that can answer' },
    },
    () => {
      const available = core.models.list().filter((model) => model.available);
      return { object: 'list', data: available.map(presentModel) };
    },
  );

  app.get<{ Params: { model: string } }>(
    '/v1/models/:model',
    {
      onRequest: demandScope(access, 'completions'),
      schema: { tags: ['openai'], summary: 'One model', params: modelParamsSchema },
    },
    (request) => {
      const model = core.models.get(request.params.model);
      if (model === undefined) {
        throw new ParleyError('model_not_found', `The model "${request.params.model}" does not exist.`, {
          field: 'model',
        });
      }
      return presentModel(model);
    },
  );
}
