import type { NewAuditEntry } from './audit-log.ts';
import type { AgentType, Conversation, ConversationStatus, Priority } from './conversations.ts';
import type { Claim } from './idempotency-keys.ts';
import type { TurnEnd } from './turns.ts';

/** Who is to be in charge from now on. */
export interface OwnerChange {
  conversationId: number;
  /** The conversation's fence, as it was when the change was decided. */
  fence: number;
  status: ConversationStatus;
  agentType: AgentType;
  assigneeId: number | null;
  /** See `StatusChange`. */
  cause: string;
  actorId: number | null;
  reason: string | null;
  at: number;
  day: string;
  /**
   * The AI's answers that were on their way: they end in the same unit, before the event of the change. Their questions stay `sent`, also where
   * nothing was said: a person will answer them.
   */
  ends: readonly TurnEnd[];
}

/** New labels; undefined leaves what there is. */
export interface Labelling {
  conversationId: number;
  priority?: Priority | undefined;
  tags?: readonly string[] | undefined;
  actorId: number;
  at: number;
}

/** Who is in charge of conversations, and how staff have labelled them. */
export interface Ownership {
  /**
   * One unit: the answers in `ends`, the owner with the fence raised, the fence of every turn that is still active in the conversation (so that
   * none of them can write any more), the counts of conversations, the day's sums of the helpdesk, an event `status`, the claim and
   * the audit entry. False, and nothing stored, where the fence was another, or an end's turn had ended.
   */
  change(change: OwnerChange, claim?: Claim, audit?: NewAuditEntry): Promise<boolean>;
  /** One unit: priority and tags, the counts, an event `status` with the cause `priority` or `tags`. False where there is no such conversation. */
  label(labelling: Labelling, claim?: Claim, audit?: NewAuditEntry): Promise<boolean>;
  /** Those that wait for a person, longest first. */
  waiting(limit: number): Promise<Conversation[]>;
  /** How many open conversations each of these agents has. */
  openCountsOf(agentIds: readonly number[]): Promise<Map<number, number>>;
  /** An agent's open conversations. */
  openOf(agentId: number, limit: number): Promise<Conversation[]>;
}
