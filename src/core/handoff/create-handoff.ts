import type { Conversation } from '../../storage/conversations.ts';
import type { User } from '../../storage/users.ts';
import { invalidField } from '../errors.ts';
import { isStaff } from '../identity/caller.ts';
import { changesTooQuickly } from '../turns/refusals.ts';
import type { NewOwner } from '../turns/turns.ts';
import { change, conversationEntry, mostAttempts, taken, type HandoffParts } from './change.ts';
import type { Handoff } from './handoff.ts';
import { afterStatus, afterSwitch, isWith, queued, takenBy } from './next-owner.ts';
import { reply } from './reply.ts';

const releasedAtOnce = 100;

export function createHandoff(parts: HandoffParts): Handoff {
  return {
    async switchTo(caller, id, to, reason = null, idempotency) {
      return change(parts, {
        caller,
        id,
        idempotency,
        next: (now) => afterSwitch(now, to, caller.userId, reason),
        audit: isStaff(caller)
          ? () => conversationEntry(parts, caller, id, 'switch', { to, reason })
          : undefined,
      });
    },
    take: (caller, id, idempotency) =>
      change(parts, {
        caller,
        id,
        idempotency,
        next: (now) => taken(parts, caller, now),
        audit: () => conversationEntry(parts, caller, id, 'take'),
      }),
    async assign(caller, id, assigneeId, idempotency) {
      if (assigneeId !== null) await agentOf(parts, assigneeId);
      return change(parts, {
        caller,
        id,
        idempotency,
        next: (now) => assigned(now, assigneeId, caller.userId),
        audit: ({ assigneeId: from }) =>
          conversationEntry(parts, caller, id, 'assign', { from, to: assigneeId }),
      });
    },
    setStatus: (caller, id, status, idempotency) =>
      change(parts, {
        caller,
        id,
        idempotency,
        next: async (now) => afterStatus(now, status, caller.userId, await isAgent(parts, now.assigneeId)),
        audit: ({ status: from }) => conversationEntry(parts, caller, id, 'status', { from, to: status }),
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
