import type { Claim } from './idempotency-keys.ts';

/** A message that no answer is begun for: a customer's to a person, or a person's to a customer. */
export interface NewPost {
  /** From `Messages.nextId`. */
  id: number;
  conversationId: number;
  /** Of the conversation. */
  userId: number | null;
  channel: string;
  /** The agent who writes; null for the customer. */
  agentId: number | null;
  content: string;
  /** Replaces what the conversation was called as long as nobody had said anything. */
  title?: string | undefined;
  tokens: number;
  at: number;
  day: string;
}

/** Messages without a turn. */
export interface Posts {
  /**
   * One unit: the message (a customer's: role `user`, receipt `sent`; an agent's: role `assistant`, `senderType` `human`, state `completed`, receipt
   * `sent`), the counters, the day's sums, an event `asked` with `{turnId: null}` or `replied`, the claim. A customer's message sets
   * `waitingSince` where nobody waits yet; an agent's ends the wait, which counts as response time in the helpdesk's sums. False,
   * and nothing stored, unless who is in charge is who it must be: for a customer's message a person, or the queue (`agentType` `human`, and
   * not over); for an agent's that agent (`open`, `human`, the assignee).
   */
  post(post: NewPost, claim?: Claim): Promise<boolean>;
}
