import { sql } from 'kysely';
import type { Conversation, ListedConversation } from './conversations.ts';

/** The messages that are there: of those that ever were, without the removed ones. */
const shownMessages = sql<number>`conversations.message_count - conversations.removed_messages`;

/** What a list shows of a conversation; the prompt and the metadata may be long. */
export const listedColumns = [
  'conversations.id',
  'conversations.key',
  'conversations.user_id as userId',
  'conversations.channel',
  'conversations.title',
  'conversations.model',
  'conversations.status',
  'conversations.agent_type as agentType',
  'conversations.assignee_id as assigneeId',
  'conversations.owner_fence as ownerFence',
  'conversations.priority',
  'conversations.tags',
  'conversations.customer_id as customerId',
  'conversations.waiting_since as waitingSince',
  shownMessages.as('messageCount'),
  'conversations.created_at as createdAt',
  'conversations.updated_at as updatedAt',
  'conversations.last_message_at as lastMessageAt',
] as const;

/** All of a conversation. */
export const conversationColumns = [
  ...listedColumns,
  'conversations.metadata',
  'conversations.system_prompt as systemPrompt',
] as const;

type Labelled = 'status' | 'agentType' | 'priority' | 'tags';

/** A row of `listedColumns`. */
export type ListedRow = Omit<ListedConversation, Labelled> & Record<Labelled, string>;

/** A row of `conversationColumns`. */
export type ConversationRow = ListedRow & { metadata: string | null; systemPrompt: string | null };

export function presentListed(row: ListedRow): ListedConversation {
  return { ...row, tags: JSON.parse(row.tags) as string[] } as ListedConversation;
}

export function presentConversation({ metadata, systemPrompt, ...row }: ConversationRow): Conversation {
  return {
    ...presentListed(row),
    systemPrompt,
    metadata: metadata === null ? null : (JSON.parse(metadata) as Record<string, unknown>),
  };
}
