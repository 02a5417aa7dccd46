import { element } from './element.js';
import { say } from './words.js';

/** Fills the list of models: those that can answer first, the others marked. Keeps `chosen` where it still exists. */
export function showModels(select, models, chosen) {
  const chat = models.filter(({ capabilities }) => capabilities.includes('chat'));
  const option = ({ id, name, available }) =>
    element('option', { value: id }, available ? name : say('fallsBack', { name }));
  const group = (label, members) =>
    members.length === 0 ? [] : [element('optgroup', { label }, ...members.map(option))];
  select.replaceChildren(
    element('option', { value: '' }, say('defaultModel')),
    ...group(
      say('available'),
      chat.filter(({ available }) => available),
    ),
    ...group(
      say('unavailable'),
      chat.filter(({ available }) => !available),
    ),
  );
  select.value = chat.some(({ id }) => id === chosen) ? chosen : '';
}

/** Whether nothing but the built-in model can answer. */
export function isOffline(models) {
  return models.every(({ available, provider }) => !available || provider === 'local');
}
