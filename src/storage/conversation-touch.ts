import { sql } from 'kysely';
import type { Queries } from './dialect.ts';

/** Where the AI answers. */
export const aiInCharge = sql<boolean>`status = 'open' and agent_type = 'ai'`;

/**
 * The update of a conversation in which so many messages are said. Its values: when, twice, and what the conversation is to be called if
 * nobody has named it yet; null leaves it so.
 */
export function compileSaying(queries: Queries, messages: number) {
  return queries.updateTable('conversations').set((eb) => ({
    message_count: eb('message_count', '+', eb.lit(messages)),
    updated_at: 0,
    last_message_at: 0,
    title: sql<string>`case when title = '' then coalesce(${''}, title) else title end`,
  }));
}
