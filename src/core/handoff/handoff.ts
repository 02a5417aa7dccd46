import type { AgentType, Conversation, ConversationStatus } from '../../storage/conversations.ts';
import type { Message } from '../../storage/messages.ts';
import type { Idempotency } from '../idempotency.ts';
import type { Participant, StaffCaller } from '../identity/caller.ts';

export type { AgentType, ConversationStatus, Priority } from '../../storage/conversations.ts';

/** Why the AI hands a conversation over by itself. */
export type HandoffReason = 'asked_for_a_person' | 'does_not_know' | 'provider_failed' | 'interrupted';

/**
 * Who is in charge of a conversation:
 *
 * | status | agent type | assignee | |
 * |---|---|---|---|
 * | open | ai | none | the AI answers |
 * | pending | human | none | waits for a person; the AI is silent |
 * | open | human | an agent | that agent, and nobody else, answers |
 * | resolved, closed | as it was | as it was | over; the customer's next message opens it again, with the AI in charge |
 *
 * Every change raises the conversation's fence, and is refused where another change was quicker: nobody answers who is not in
 * charge at the moment when the answer is stored. Every change is an event `status`, seen by the customer and by all staff.
 */
export interface Handoff {
  /**
   * To a person: the AI's answers on their way are cancelled in the same unit, their text so far is kept and told before the change; the
   * conversation waits. To the AI: from a person or the queue. No change where it is so already. Throws `not_found`.
   */
  switchTo(
    caller: Participant | StaffCaller,
    conversationId: number,
    to: AgentType,
    reason?: string | null,
    idempotency?: Idempotency,
  ): Promise<Conversation>;
  /**
   * The caller takes the conversation, from the AI or the queue. Nothing happens where it is the caller's already. Throws `conflict` where
   * another agent has it, and says who.
   */
  take(caller: StaffCaller, conversationId: number, idempotency?: Idempotency): Promise<Conversation>;
  /** Gives it to an agent, from whomever it is with, or with null back into the queue. Throws `invalid_request` with `assignee_id` for one who is no active agent. */
  assign(
    caller: StaffCaller,
    conversationId: number,
    assigneeId: number | null,
    idempotency?: Idempotency,
  ): Promise<Conversation>;
  /** `pending` puts it into the queue, `open` opens one that is over again; see the table. */
  setStatus(
    caller: StaffCaller,
    conversationId: number,
    status: ConversationStatus,
    idempotency?: Idempotency,
  ): Promise<Conversation>;
  /**
   * Stores what an agent says. Whoever answers a waiting conversation, or one that the AI has, has taken it. Throws `not_found`,
   * `conflict` where another agent has it, `invalid_request` for an empty text.
   */
  reply(
    caller: StaffCaller,
    conversationId: number,
    text: string,
    idempotency?: Idempotency,
  ): Promise<{ message: Message; repeated: boolean }>;
  /** Puts the conversations of one who is no agent any more back into the queue. */
  releaseAll(agentId: number): Promise<void>;
  /** The same, some of them at a time, for everybody of whom it was forgotten: a crash came between, or the store was changed from outside. To be called now and then. */
  releaseStranded(): Promise<void>;
}
