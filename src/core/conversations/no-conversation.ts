import { ParleyError } from '../errors.ts';

/** The same for a conversation that does not exist and for somebody else's: who asks must not learn which. */
export function noConversation(): ParleyError {
  return new ParleyError('not_found', 'There is no such conversation.');
}
