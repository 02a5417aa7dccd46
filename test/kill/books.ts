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
import { openRows } from '../support/rows.ts';

/** A row as it is stored. */
type Row<Table> = {
  [Column in keyof Table]: Table[Column] extends { __select__: infer T } ? T : Table[Column];
};

/** What the database holds at the end. */
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

/** The tables, and in which order each is read. */
const orders: Record<keyof Books, string> = {
  users: 'id',
  conversations: 'id',
  messages: 'conversation_id, place',
  media: 'id',
  turns: 'id',
  turn_log: 'turn_id',
  feed: 'cursor',
  ratings: 'conversation_id',
  user_counters: 'user_id',
  chat_daily: 'user_id',
  api_calls: 'id',
  usage_daily: 'day',
  owner_usage: 'owner',
};

/** Reads the database of servers that have ended. */
export async function readBooks(database: string): Promise<Books> {
  const rows = await openRows(database);
  try {
    const books: Partial<Record<string, unknown[]>> = {};
    for (const [table, order] of Object.entries(orders)) {
      books[table] = await rows.all(`SELECT * FROM ${table} ORDER BY ${order}`);
    }
    return books as unknown as Books;
  } finally {
    await rows.close();
  }
}
