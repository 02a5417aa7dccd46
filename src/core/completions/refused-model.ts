import { ParleyError } from '../errors.ts';
import type { Model } from './catalogue.ts';

/** The refusal of a model that the catalogue does not know. */
export function unknownModel(modelId: string): ParleyError {
  const model = modelId.slice(0, 100);
  return new ParleyError('model_not_found', `There is no model named "${model}" on this server.`, {
    field: 'model',
    issue: { kind: 'no_model', model },
  });
}

/** The refusal of a model that cannot answer. */
export function notForChat(model: Model): ParleyError {
  return new ParleyError('invalid_request', `The model "${model.id}" is not one that chats.`, {
    field: 'model',
    issue: { kind: 'no_chat', model: model.id },
  });
}
