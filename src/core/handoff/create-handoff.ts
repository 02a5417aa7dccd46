import type { Conversation } from '../../storage/conversations.ts';
import { invalidField, type ParleyError } from '../errors.ts';
import { isStaff } from '../identity/caller.ts';
import { changesTooQuickly } from '../turns/refusals.ts';
import type { NewOwner } from '../turns/turns.ts';
import { change, conversationEntry, isAgent, mostAttempts, taken, type HandoffParts } from './change.ts';
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
    assign: (caller, id, assigneeId, idempotency) =>
      change(parts, {
        caller,
        id,
        idempotency,
        next: async (now) => {
          // Asked at each attempt: the store refuses who has stopped to be one.
          if (assigneeId !== null && !(await isAgent(parts, assigneeId))) throw noAgent();
          return assigned(now, assigneeId, caller.userId);
        },
        audit: ({ assigneeId: from }) =>
          conversationEntry(parts, caller, id, 'assign', { from, to: assigneeId }),
      }),
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
      while (await releaseSome(parts, agentId));
    },
    async releaseStranded() {
      for (const agentId of await parts.ownership.strandedWith()) await releaseSome(parts, agentId);
    },
  };
}

function assigned(now: Conversation, assigneeId: number | null, actorId: number): NewOwner | null {
  if (assigneeId === null) return now.status === 'pending' ? null : queued('released', actorId);
  return isWith(now, assigneeId) ? null : { ...takenBy(assigneeId), cause: 'assigned', actorId };
}

function noAgent(): ParleyError {
  return invalidField('assignee_id', { kind: 'no_agent' });
}

/** False where nothing is left. */
async function releaseSome(parts: HandoffParts, agentId: number): Promise<boolean> {
  const open = await parts.ownership.openOf(agentId, releasedAtOnce);
  for (const { id } of open) await release(parts, agentId, id);
  return open.length === releasedAtOnce;
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
