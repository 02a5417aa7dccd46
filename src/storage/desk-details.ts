import { sql } from 'kysely';
import type { Database } from './database.ts';
import { compileQuery, numbersOf, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { messageColumns, presentMessage } from './message-rows.ts';
import type { Message } from './messages.ts';

/** What lists for staff show of conversations beside their rows: one read for a whole page. */
export interface DeskDetails {
  /** The newest message of each that says something, by conversation; an answer on its way says nothing yet. */
  lastMessagesOf(conversationIds: readonly number[]): Promise<Map<number, Message>>;
  /** The scores of those that were rated, by conversation. */
  scoresOf(conversationIds: readonly number[]): Promise<Map<number, number>>;
}

/** Details kept in `database`. */
export function createDeskDetails(database: Database, queries: Queries): DeskDetails {
  // One parameter for any number of ids keeps the SQL text the same, so it stays prepared.
  const wanted = numbersOf(queries);
  const newest = queries
    .selectFrom('messages as said')
    .select('said.id')
    .where('said.conversation_id', '=', sql.ref<number>('conversations.id'))
    .where('said.content', '<>', sql.lit(''))
    .orderBy('said.place', 'desc')
    .limit(sql.lit(1));
  const lastMessages = compileQuery(
    queries
      .selectFrom('messages')
      .select(messageColumns)
      .where(
        'id',
        'in',
        queries.selectFrom('conversations').select(newest.as('id')).where('conversations.id', 'in', wanted),
      ),
  );
  const scores = compileQuery(
    queries
      .selectFrom('ratings')
      .select(['conversation_id as id', 'score'])
      .where('conversation_id', 'in', wanted),
  );
  return {
    async lastMessagesOf(conversationIds) {
      if (conversationIds.length === 0) return new Map();
      const rows = await database.read(withValues(lastMessages, [JSON.stringify(conversationIds)]));
      return new Map(rows.map((row) => [row.conversationId, presentMessage(row)]));
    },
    async scoresOf(conversationIds) {
      if (conversationIds.length === 0) return new Map();
      const rows = await database.read(withValues(scores, [JSON.stringify(conversationIds)]));
      return new Map(rows.map(({ id, score }) => [id, score]));
    },
  };
}
