import { ParleyError } from '../errors.ts';
import type { Model } from './catalogue.ts';

/** The refusal of a model that the catalogue does not know. */
export function unknownModel(modelId: string): ParleyError {
  return new ParleyError(
    'model_not_found',
    `There is no model named "${modelId.slice(0, 100)}" on this server.`,
    { field: 'model' },
  );
}

/** The refusal of a model that cannot answer. */
export function notForChat(model: Model): ParleyError {
  return new ParleyError('invalid_request', `The model "${model.id}" is not one that chats.`, {
    field: 'model',
  });
}
