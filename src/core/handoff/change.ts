import type { NewAuditEntry } from '../../storage/audit-log.ts';
import type { Conversation, Conversations } from '../../storage/conversations.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import type { Messages } from '../../storage/messages.ts';
import type { Ownership } from '../../storage/ownership.ts';
import type { Posts } from '../../storage/posts.ts';
import type { Users } from '../../storage/users.ts';
import { auditEntry } from '../audit.ts';
import { conflict, ParleyError } from '../errors.ts';
import type { Idempotency, IdempotentWrites } from '../idempotency.ts';
import { agentNameOf, mayAnswer } from '../identity/account.ts';
import { ownerOf, type Participant, type StaffCaller } from '../identity/caller.ts';
import type { Feed } from '../realtime/feed.ts';
import type { Runtime } from '../runtime.ts';
import type { DayOf } from '../statistics/calendar.ts';
import { changesTooQuickly } from '../turns/refusals.ts';
import type { NewOwner, RunningTurns } from '../turns/turns.ts';
import { isOver, isWith, takenBy } from './next-owner.ts';
import { openedFor } from './who-may.ts';

export interface HandoffParts {
  conversations: Pick<Conversations, 'find'>;
  messages: Pick<Messages, 'nextId' | 'find'>;
  ownership: Pick<Ownership, 'openOf' | 'strandedWith'>;
  posts: Posts;
  users: Pick<Users, 'findById'>;
  turns: Pick<RunningTurns, 'alone' | 'changeOwner'>;
  idempotency: Pick<IdempotentWrites, 'once' | 'store'>;
  feed: Pick<Feed, 'wake'>;
  dayOf: DayOf;
  runtime: Pick<Runtime, 'now'>;
  defaultModel: () => string;
}

/** A change as it is wanted. */
export interface Wish {
  caller: Participant | StaffCaller;
  id: number;
  idempotency?: Idempotency | undefined;
  /** Who is to be in charge after `now`; null where nothing is to change. Throws where the change is refused. */
  next(now: Conversation): Promise<NewOwner | null> | NewOwner | null;
  audit?: ((now: Conversation) => NewAuditEntry) | undefined;
}

/** How often it is looked who is in charge before a change is refused. */
export const mostAttempts = 8;

/** Makes the change once, however often it is wished under the same key; resolves to how things are then. */
export async function change(parts: HandoffParts, wish: Wish): Promise<Conversation> {
  const { caller, id, idempotency } = wish;
  return parts.turns.alone(id, async () => {
    const now = await openedFor(parts, caller, id);
    return parts.idempotency.once(
      ownerOf(caller),
      idempotency,
      { conversationId: id },
      (claim) => changeAlone(parts, wish, now, claim),
      () => openedFor(parts, caller, id),
    );
  });
}

/** To be called within `alone`. */
export async function changeAlone(
  parts: HandoffParts,
  { caller, id, next, audit }: Wish,
  first: Conversation,
  claim?: Claim,
): Promise<Conversation> {
  let now = first;
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const owner = await next(now);
    if (owner === null) {
      // A repeat must change nothing either, whatever has changed until then.
      if (claim !== undefined) await parts.idempotency.store(claim);
      return now;
    }
    const isChanged = await parts.turns.changeOwner(now, owner, { claim, audit: audit?.(now) });
    now = await openedFor(parts, caller, id);
    if (isChanged) return now;
  }
  throw changesTooQuickly();
}

/** The entry of an act on a conversation. */
export function conversationEntry(
  { runtime }: Pick<HandoffParts, 'runtime'>,
  caller: StaffCaller,
  id: number,
  act: 'switch' | 'take' | 'assign' | 'status',
  details: Record<string, unknown> | null = null,
): NewAuditEntry {
  return auditEntry(caller, runtime.now(), `conversation.${act}`, { type: 'conversation', id }, details);
}

/** Whether this is somebody who may be in charge of conversations. */
export async function isAgent({ users }: Pick<HandoffParts, 'users'>, id: number | null): Promise<boolean> {
  const user = id === null ? undefined : await users.findById(id);
  return user !== undefined && mayAnswer(user);
}

/** The caller in charge; throws `conflict` where another agent is, `forbidden` where the caller is no agent any more. */
export async function taken(
  parts: Pick<HandoffParts, 'users'>,
  { userId }: StaffCaller,
  now: Conversation,
): Promise<NewOwner | null> {
  if (isWith(now, userId)) return null;
  if (isOver(now) || now.assigneeId === null) {
    if (await isAgent(parts, userId)) return takenBy(userId);
    throw new ParleyError('forbidden', 'Only active agents answer customers.');
  }
  const holder = await parts.users.findById(now.assigneeId);
  const name = holder === undefined ? '' : agentNameOf(holder);
  throw conflict({ kind: 'with_agent', name }, { assignee: { id: now.assigneeId, name } });
}
