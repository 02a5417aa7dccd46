import type { NewAuditEntry } from '../../storage/audit-log.ts';
import type { Conversation, Conversations } from '../../storage/conversations.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import type { Messages } from '../../storage/messages.ts';
import type { Ownership } from '../../storage/ownership.ts';
import type { Posts } from '../../storage/posts.ts';
import type { User, Users } from '../../storage/users.ts';
import { auditEntry } from '../audit.ts';
import { invalidField, ParleyError } from '../errors.ts';
import type { Idempotency, IdempotentWrites } from '../idempotency.ts';
import { ownerOf, type Participant, type StaffCaller } from '../identity/caller.ts';
import type { Feed } from '../realtime/feed.ts';
import type { Runtime } from '../runtime.ts';
import type { DayOf } from '../statistics/calendar.ts';
import { changesTooQuickly } from '../turns/refusals.ts';
import type { NewOwner, RunningTurns } from '../turns/turns.ts';
import type { Handoff } from './handoff.ts';
import { afterStatus, afterSwitch, isOver, isWith, queued, takenBy } from './next-owner.ts';
import { reply } from './reply.ts';
import { openedFor } from './who-may.ts';

export interface HandoffParts {
  conversations: Pick<Conversations, 'find'>;
  messages: Pick<Messages, 'nextId' | 'find'>;
  ownership: Pick<Ownership, 'openOf'>;
  posts: Posts;
  users: Pick<Users, 'findById'>;
  turns: Pick<RunningTurns, 'alone' | 'changeOwner'>;
  idempotency: Pick<IdempotentWrites, 'once'>;
  feed: Pick<Feed, 'wake'>;
  dayOf: DayOf;
  runtime: Pick<Runtime, 'now'>;
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

const releasedAtOnce = 100;

export function createHandoff(parts: HandoffParts): Handoff {
  const staffAct = (
    caller: StaffCaller,
    id: number,
    action: string,
    details: Record<string, unknown> | null,
  ) =>
    auditEntry(caller, parts.runtime.now(), `conversation.${action}`, { type: 'conversation', id }, details);

  return {
    async switchTo(caller, id, to, reason = null, idempotency) {
      const isStaffs = caller.kind === 'user' && caller.role !== 'user';
      return change(parts, {
        ...{ caller, id, idempotency },
        next: (now) => afterSwitch(now, to, caller.userId, reason),
        audit: isStaffs ? () => staffAct(caller as StaffCaller, id, 'switch', { to, reason }) : undefined,
      });
    },
    take: (caller, id, idempotency) =>
      change(parts, {
        ...{ caller, id, idempotency },
        next: (now) => taken(parts, caller, now),
        audit: () => staffAct(caller, id, 'take', null),
      }),
    async assign(caller, id, assigneeId, idempotency) {
      if (assigneeId !== null) await agentOf(parts, assigneeId);
      return change(parts, {
        ...{ caller, id, idempotency },
        next: (now) => assigned(now, assigneeId, caller.userId),
        audit: ({ assigneeId: from }) => staffAct(caller, id, 'assign', { from, to: assigneeId }),
      });
    },
    setStatus: (caller, id, status, idempotency) =>
      change(parts, {
        ...{ caller, id, idempotency },
        next: async (now) => afterStatus(now, status, caller.userId, await isAgent(parts, now.assigneeId)),
        audit: ({ status: from }) => staffAct(caller, id, 'status', { from, to: status }),
      }),
    reply: (caller, id, text, idempotency) => reply(parts, caller, id, text, idempotency),
    async releaseAll(agentId) {
      for (;;) {
        const open = await parts.ownership.openOf(agentId, releasedAtOnce);
        for (const { id } of open) await release(parts, agentId, id);
        if (open.length < releasedAtOnce) return;
      }
    },
  };
}

/** Makes the change once, however often it is wished under the same key; resolves to how things are then. */
async function change(parts: HandoffParts, wish: Wish): Promise<Conversation> {
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
    if (owner === null) return now;
    const isChanged = await parts.turns.changeOwner(now, owner, { claim, audit: audit?.(now) });
    now = await openedFor(parts, caller, id);
    if (isChanged) return now;
  }
  throw changesTooQuickly();
}

/** The caller in charge; throws `conflict` where another agent is. */
export async function taken(
  { users }: Pick<HandoffParts, 'users'>,
  { userId }: StaffCaller,
  now: Conversation,
): Promise<NewOwner | null> {
  if (isWith(now, userId)) return null;
  if (isOver(now) || now.assigneeId === null) return takenBy(userId);
  const holder = await users.findById(now.assigneeId);
  const name = holder === undefined ? '' : nameOf(holder);
  throw new ParleyError('conflict', `${name || 'Another agent'} has this conversation.`, {
    facts: { assignee: { id: now.assigneeId, name } },
  });
}

function assigned(now: Conversation, assigneeId: number | null, actorId: number): NewOwner | null {
  if (assigneeId === null) return now.status === 'pending' ? null : queued('released', actorId);
  return isWith(now, assigneeId) ? null : { ...takenBy(assigneeId), cause: 'assigned', actorId };
}

async function agentOf({ users }: HandoffParts, id: number): Promise<User> {
  const user = await users.findById(id);
  if (user === undefined || !answers(user)) throw invalidField('assignee_id', { kind: 'no_agent' });
  return user;
}

async function isAgent({ users }: HandoffParts, id: number | null): Promise<boolean> {
  const user = id === null ? undefined : await users.findById(id);
  return user !== undefined && answers(user);
}

function answers({ role, status }: User): boolean {
  return status === 'active' && role !== 'user';
}

function nameOf({ fullName, username }: User): string {
  return fullName || username;
}

/** Back into the queue, if the agent still has it; one that was removed meanwhile is with nobody. */
async function release({ turns, conversations }: HandoffParts, agentId: number, id: number): Promise<void> {
  await turns.alone(id, async () => {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const now = await conversations.find(id);
      if (now === undefined || !isWith(now, agentId)) return;
      if (await turns.changeOwner(now, queued('released', null))) return;
    }
    throw changesTooQuickly();
  });
}
