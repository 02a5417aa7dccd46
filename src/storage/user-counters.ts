import type { Database } from './database.ts';
import { compileQuery, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** How many of something a user has, and the place of the newest: the same, as long as nothing was deleted. */
export interface Counter {
  count: number;
  lastPlace: number;
}

/** What a user has of conversations and messages. */
export interface UserCounters {
  conversationsOf(userId: number): Promise<Counter>;
  messagesOf(userId: number): Promise<Counter>;
}

const none: Counter = { count: 0, lastPlace: 0 };

export function createUserCounters(database: Database, queries: Queries): UserCounters {
  const counters = queries.selectFrom('user_counters').where('user_id', '=', 0);
  const conversations = compileQuery(
    counters.select(['conversations as count', 'last_conversation_place as lastPlace']),
  );
  const messages = compileQuery(counters.select(['messages as count', 'last_message_place as lastPlace']));
  return {
    conversationsOf: async (userId) => (await database.read(withValues(conversations, [userId])))[0] ?? none,
    messagesOf: async (userId) => (await database.read(withValues(messages, [userId])))[0] ?? none,
  };
}
