import type { Priority } from '../../storage/conversations.ts';
import { invalidField } from '../errors.ts';

export const priorities: readonly Priority[] = ['low', 'medium', 'high', 'urgent'];

const mostTags = 20;
const mostCharacters = 50;

/** The tags as they are kept. Throws `invalid_request`: see `Desk.label`. */
export function tagsFrom(tags: readonly string[]): string[] {
  if (tags.length > mostTags) throw invalidField('tags', { kind: 'count', max: mostTags });
  const kept = tags.map((tag) => tag.trim().toWellFormed());
  kept.forEach((tag, at) => {
    if (!/^[^]{1,50}$/u.test(tag)) {
      throw invalidField(`tags.${at}`, { kind: 'length', min: 1, max: mostCharacters });
    }
    if (/\p{Cc}/u.test(tag)) throw invalidField(`tags.${at}`, { kind: 'invisible' });
  });
  if (new Set(kept).size < kept.length) throw invalidField('tags', { kind: 'repeated' });
  return kept;
}

export function priorityFrom(priority: Priority): Priority {
  if (priorities.includes(priority)) return priority;
  throw invalidField('priority', { kind: 'choice', choices: priorities });
}
