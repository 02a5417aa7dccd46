import type { Conversation } from '../../core/conversations/conversations.ts';
import type { Core } from '../../core/core.ts';
import { ParleyError } from '../../core/errors.ts';
import { isStaff, type Caller, type Participant, type StaffCaller } from '../../core/identity/caller.ts';
import { sessionPrefix } from './present.ts';

/** Who somebody is in a session: its customer, or one of those who answer customers. */
export type Party =
  | { kind: 'customer'; caller: Participant; conversation: Conversation }
  | { kind: 'staff'; caller: StaffCaller; conversation: Conversation };

/**
 * Who `caller` is in the session `sessionId`: staff in everybody's but their own; in one that belongs to nobody, whoever else shows its id
 * is its guest. Throws `not_found` for any other, and for what is no session id.
 */
export async function partyOf(core: Core, caller: Caller, sessionId: string): Promise<Party> {
  const conversation = await core.conversations.open(caller, keyOf(sessionId));
  if (caller.kind === 'user' && caller.userId === conversation.userId) {
    return { kind: 'customer', caller, conversation };
  }
  if (isStaff(caller)) return { kind: 'staff', caller, conversation };
  const guest = await core.conversations.asGuest(caller.ip, conversation.key);
  if (guest === undefined) throw noSession();
  return { kind: 'customer', caller: guest, conversation };
}

/** The same where only a customer may do it. Throws `forbidden` for staff. */
export async function customerOf(core: Core, caller: Caller, sessionId: string) {
  const party = await partyOf(core, caller, sessionId);
  if (party.kind === 'customer') return party;
  throw new ParleyError('forbidden', 'Only the customer of this session may do this.');
}

/** The key in a session's id. Throws `not_found` for what is no such id, as numbers are. */
export function keyOf(sessionId: string): string {
  if (!sessionId.startsWith(sessionPrefix)) throw noSession();
  return sessionId.slice(sessionPrefix.length);
}

export function noSession(): ParleyError {
  return new ParleyError('not_found', 'There is no such session.');
}
