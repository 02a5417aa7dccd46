import type { BeginningGuard } from './conversation-begin.ts';
import type { Database, Statement } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
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

/** How units keep the counters. What belongs to nobody is counted nowhere. */
export interface UserCounts {
  /** A conversation that begins with this many messages. */
  begins(userId: number | null, messages: number): Statement[];
  /** Refuses the unit where a conversation that it has begun does not hold to the guard. */
  allows(userId: number | null, guard: BeginningGuard): Statement[];
  /** More messages in a conversation. */
  adds(userId: number | null, messages: number): Statement[];
}

export function compileUserCounts(queries: Queries): UserCounts {
  const adds = compileStatement(
    queries
      .updateTable('user_counters')
      .set((eb) => ({
        messages: eb('messages', '+', 0),
        last_message_place: eb('last_message_place', '+', 0),
      }))
      .where('user_id', '=', 0),
    1,
  );
  const counted = ['conversations', 'last_conversation_place', 'messages', 'last_message_place'] as const;
  const begins = compileStatement(
    queries
      .insertInto('user_counters')
      .values((eb) => ({
        user_id: 0,
        conversations: eb.lit(1),
        last_conversation_place: eb.lit(1),
        messages: 0,
        last_message_place: 0,
      }))
      .onConflict((conflict) =>
        conflict
          .column('user_id')
          .doUpdateSet((eb) =>
            Object.fromEntries(
              counted.map((name) => [name, eb(`user_counters.${name}`, '+', eb.ref(`excluded.${name}`))]),
            ),
          ),
      ),
  );
  const own = queries
    .updateTable('user_counters')
    .set((eb) => ({ conversations: eb.ref('conversations') }))
    .where('user_id', '=', 0);
  const isPlace = compileStatement(own.where('last_conversation_place', '=', 0), 1);
  const isWithin = compileStatement(own.where('conversations', '<=', 0), 1);
  return {
    allows: (userId, { userPlace, mostOfUser }) => [
      ...(userId === null || userPlace === undefined ? [] : [withValues(isPlace, [userId, userPlace])]),
      ...(userId === null || mostOfUser === undefined ? [] : [withValues(isWithin, [userId, mostOfUser])]),
    ],
    begins: (userId, messages) => (userId === null ? [] : [withValues(begins, [userId, messages, messages])]),
    adds: (userId, messages) => (userId === null ? [] : [withValues(adds, [messages, messages, userId])]),
  };
}
