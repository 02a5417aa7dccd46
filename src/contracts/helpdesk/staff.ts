import type { Core } from '../../core/core.ts';
import { ParleyError } from '../../core/errors.ts';
import { isStaff, type Caller, type StaffCaller } from '../../core/identity/caller.ts';
import { requireUser } from '../../http/user-access.ts';
import { keyOf } from './party.ts';

/** The agent or administrator who asks. Throws as `requireUser`, and `forbidden` for customers. */
export function requireStaff(caller: Caller): StaffCaller {
  const user = requireUser(caller);
  if (isStaff(user)) return user;
  throw new ParleyError('forbidden', 'Only agents and administrators may do this.');
}

/** A message's number, from the number itself or as this contract spells it. Throws `not_found` for what is neither. */
export function messageIdOf(text: string): number {
  const id = /^(?:msg_)?(\d{1,15})$/u.exec(text)?.[1];
  if (id === undefined) throw new ParleyError('not_found', 'There is no such message in this conversation.');
  return Number(id);
}

/** A conversation's number, from the number itself or the session's id. Throws `not_found` for what is neither. */
export async function conversationIdOf(core: Core, caller: Caller, text: string): Promise<number> {
  if (!/^\d+$/u.test(text)) return (await core.conversations.open(caller, keyOf(text))).id;
  const id = Number(text);
  if (Number.isSafeInteger(id)) return id;
  throw new ParleyError('not_found', 'There is no such conversation.');
}
