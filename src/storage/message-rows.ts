import { partsFrom } from './media.ts';
import type { Citation, Message } from './messages.ts';

/** All of a message. */
export const messageColumns = [
  'id',
  'conversation_id as conversationId',
  'place',
  'user_id as userId',
  'role',
  'sender_type as senderType',
  'state',
  'receipt',
  'created_at as createdAt',
  'tokens',
  'exchange_tokens as exchangeTokens',
  'estimated',
  'question_id as questionId',
  'model',
  'finish_reason as finishReason',
  'error_code as errorCode',
  'error_text as errorText',
  'content',
  'sender_id as senderId',
  'citations',
  'parts',
] as const;

/** A row of `messageColumns`. */
export type MessageRow = Omit<Message, 'estimated' | 'citations' | 'parts' | Labelled> &
  Record<Labelled, string> & { estimated: number; citations: string | null; parts: string | null };
type Labelled = 'role' | 'senderType' | 'state' | 'receipt';

export function presentMessage(row: MessageRow): Message {
  const citations = row.citations === null ? null : (JSON.parse(row.citations) as Citation[]);
  return { ...row, estimated: row.estimated === 1, citations, parts: partsFrom(row.parts) } as Message;
}
