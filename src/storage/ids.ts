import { sql } from 'kysely';
import type { Database } from './database.ts';
import { compileQuery } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** Ids of rows that are yet to be written, so that one unit can refer to its own new rows. */
export interface Ids {
  /** An id that no other row has or had; it is lost where its unit fails. */
  nextConversation(): number;
  nextMessage(): number;
  nextMedia(): number;
  nextNote(): number;
  nextCannedReply(): number;
  nextArticle(): number;
}

/** Counts on from the highest id that each table ever held, deleted rows included. */
export async function readIds(database: Database, queries: Queries): Promise<Ids> {
  const rows = await database.read(
    compileQuery(
      queries
        .selectFrom(sql<{ name: string; seq: number }>`sqlite_sequence`.as('last'))
        .select(['last.name', 'last.seq']),
    ),
  );
  const last = new Map(rows.map(({ name, seq }) => [name, seq]));
  let conversation = last.get('conversations') ?? 0;
  let message = last.get('messages') ?? 0;
  let media = last.get('media') ?? 0;
  let note = last.get('notes') ?? 0;
  let cannedReply = last.get('canned_replies') ?? 0;
  let article = last.get('articles') ?? 0;
  return {
    nextConversation: () => ++conversation,
    nextMessage: () => ++message,
    nextMedia: () => ++media,
    nextNote: () => ++note,
    nextCannedReply: () => ++cannedReply,
    nextArticle: () => ++article,
  };
}
