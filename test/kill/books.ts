import { DatabaseSync } from 'node:sqlite';
import type {
  ApiCallsTable,
  ChatDailyTable,
  ConversationsTable,
  FeedTable,
  MediaTable,
  MessagesTable,
  OwnerUsageTable,
  RatingsTable,
  TurnLogTable,
  TurnsTable,
  UsageDailyTable,
  UserCountersTable,
} from '../../src/storage/schema.ts';

/** A row as it is stored. */
type Row<Table> = {
  [Column in keyof Table]: Table[Column] extends { __select__: infer T } ? T : Table[Column];
};

/** What the database file holds at the end. */
export interface Books {
  users: { id: number; username: string }[];
  conversations: Row<ConversationsTable>[];
  messages: Row<MessagesTable>[];
  media: Row<MediaTable>[];
  turns: Row<TurnsTable>[];
  turn_log: Row<TurnLogTable>[];
  feed: Row<FeedTable>[];
  ratings: Row<RatingsTable>[];
  user_counters: Row<UserCountersTable>[];
  chat_daily: Row<ChatDailyTable>[];
  api_calls: Row<ApiCallsTable>[];
  usage_daily: Row<UsageDailyTable>[];
  owner_usage: Row<OwnerUsageTable>[];
}

/** Reads the file of a server that has ended. */
export function readBooks(file: string): Books {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const all = (table: string, order: string) =>
      database.prepare(`SELECT * FROM ${table} ORDER BY ${order}`).all() as never;
    return {
      users: all('users', 'id'),
      conversations: all('conversations', 'id'),
      messages: all('messages', 'conversation_id, place'),
      media: all('media', 'id'),
      turns: all('turns', 'id'),
      turn_log: all('turn_log', 'turn_id'),
      feed: all('feed', 'cursor'),
      ratings: all('ratings', 'conversation_id'),
      user_counters: all('user_counters', 'user_id'),
      chat_daily: all('chat_daily', 'user_id'),
      api_calls: all('api_calls', 'id'),
      usage_daily: all('usage_daily', 'day'),
      owner_usage: all('owner_usage', 'owner'),
    };
  } finally {
    database.close();
  }
}
