import type { AgentType, Conversation, ConversationStatus } from '../../storage/conversations.ts';
import type { NewOwner } from '../turns/change-owner.ts';

/** Whether nobody is in charge any more; see `Handoff`. */
export function isOver({ status }: Pick<Conversation, 'status'>): boolean {
  return status === 'resolved' || status === 'closed';
}

/** Whether this agent is in charge. */
export function isWith({ status, agentType, assigneeId }: Conversation, agentId: number): boolean {
  return status === 'open' && agentType === 'human' && assigneeId === agentId;
}

export function takenBy(agentId: number): NewOwner {
  return {
    status: 'open',
    agentType: 'human',
    assigneeId: agentId,
    cause: 'taken',
    actorId: agentId,
    reason: null,
  };
}

/** The queue. */
export function queued(cause: string, actorId: number | null, reason: string | null = null): NewOwner {
  return { status: 'pending', agentType: 'human', assigneeId: null, cause, actorId, reason };
}

/** Null where it is so already. One that is over is opened either way. */
export function afterSwitch(
  now: Conversation,
  to: AgentType,
  actorId: number | null,
  reason: string | null,
): NewOwner | null {
  if (!isOver(now) && now.agentType === to) return null;
  if (to === 'human') return queued('switched', actorId, reason);
  return { status: 'open', agentType: 'ai', assigneeId: null, cause: 'switched', actorId, reason };
}

/** Null where it is so already. One that is opened is with whoever had it, as long as that is an agent, or with who opens it. */
export function afterStatus(
  now: Conversation,
  status: ConversationStatus,
  actorId: number,
  hasAgent: boolean,
): NewOwner | null {
  if (now.status === status) return null;
  const by = { cause: 'status', actorId, reason: null };
  const { agentType, assigneeId } = now;
  switch (status) {
    case 'pending':
      return queued('status', actorId);
    case 'resolved':
    case 'closed':
      return { status, agentType, assigneeId, ...by };
    case 'open':
      if (agentType === 'ai') return { status, agentType, assigneeId: null, ...by };
      return { status, agentType, assigneeId: hasAgent ? assigneeId : actorId, ...by };
  }
}
