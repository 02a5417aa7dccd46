import type { AgentType, ConversationStatus, ListedConversation, Page, Priority } from './conversations.ts';

export interface ConversationFilter {
  status?: ConversationStatus | undefined;
  agentType?: AgentType | undefined;
  priority?: Priority | undefined;
  assigneeId?: number | undefined;
  customerId?: number | undefined;
}

/** The helpdesk's sums; see `DeskTotals` for what each counts. */
export interface DeskTotals {
  /** Conversations that began in the days asked for, of every contract. */
  begun: number;
  /** Of those, how many a person has answered or taken so far. */
  human: number;
  /** Of those, how many are resolved or closed now. */
  over: number;
  /** Answers in the days asked for, of the AI's and of people's, and how long the customers waited for them together, in milliseconds. */
  replies: number;
  replyMs: number;
  /** Ratings given in the days asked for, a replaced one only as it is now, and the sum of their scores. */
  ratings: number;
  scores: number;
}

/** Lists and sums over everybody's conversations, for staff. Each costs the same however many there are. */
export interface DeskLists {
  /** The last changed first. */
  conversations(
    filter: ConversationFilter,
    page: Page,
  ): Promise<{ conversations: ListedConversation[]; total: number }>;
  /** Both days included. */
  totals(fromDay: string, toDay: string): Promise<DeskTotals>;
}
