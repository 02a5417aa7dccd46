import type { FastifyInstance } from 'fastify';
import type { OfferedModel } from '../../../core/core.ts';
import { ParleyError } from '../../../core/errors.ts';
import { demandScope } from '../../../http/access.ts';
import type { GatewayOptions } from '../options.ts';
import { presentModel, presentPage } from '../present.ts';
import {
  errorSchema,
  modelListSchema,
  modelParamsSchema,
  modelSchema,
  pageQuerySchema,
  type ModelSort,
  type PageQuery,
} from '../schemas.ts';

/** `GET /api/v1/models` and `GET /api/v1/models/{model_id}`. */
export function registerModelRoutes(app: FastifyInstance, { core, access, runtime }: GatewayOptions): void {
  app.get<{ Querystring: PageQuery }>(
    '/api/v1/models',
    {
      onRequest: demandScope(access, 'completions'),
      schema: {
        tags: ['gateway'],
        summary: 'List the models',
        description: 'An array; with `page` or `limit` a page with its `pagination`.',
        querystring: pageQuerySchema,
        response: { 200: modelListSchema, '4xx': errorSchema },
      },
      serializerCompiler: () => JSON.stringify,
    },
    (request) => {
      const { page, limit, sort, order } = request.query;
      const models = sorted(core.models.list(), sort, order).map((model) =>
        presentModel(model, runtime.now()),
      );
      return page === undefined && limit === undefined ? models : presentPage(models, request.query);
    },
  );

  app.get<{ Params: { model_id: string } }>(
    '/api/v1/models/:model_id',
    {
      onRequest: demandScope(access, 'completions'),
      schema: {
        tags: ['gateway'],
        summary: 'One model',
        params: modelParamsSchema,
        response: { 200: modelSchema, '4xx': errorSchema },
      },
    },
    (request) => {
      const model = core.models.get(request.params.model_id);
      if (model === undefined) {
        throw new ParleyError('not_found', `There is no model named "${request.params.model_id}".`, {
          field: 'model_id',
        });
      }
      return presentModel(model, runtime.now());
    },
  );
}

const sortValues: Record<ModelSort, (model: OfferedModel) => string | number | null> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  provider: ({ provider }) => provider,
  context_length: ({ contextLength }) => contextLength,
  created_at: ({ released }) => released,
};

/** What has no value comes last, whichever the order. */
function sorted(models: OfferedModel[], sort: ModelSort | undefined, order = 'asc'): OfferedModel[] {
  if (sort === undefined) return order === 'desc' ? models.reverse() : models;
  const value = sortValues[sort];
  const direction = order === 'desc' ? -1 : 1;
  return models.sort((left, right) => {
    const [a, b] = [value(left), value(right)];
    if (a === b) return 0;
    if (a === null) return 1;
    if (b === null) return -1;
    return a < b ? -direction : direction;
  });
}
