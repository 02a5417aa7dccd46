import { sql } from 'kysely';
import type { Database } from './database.ts';
import { compileQuery } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** Ids of rows that are yet to be written, so that one unit can refer to its own new rows: of no other row, now or ever; lost where the unit fails. */
export interface Ids {
  nextConversation(): Promise<number>;
  nextMessage(): Promise<number>;
  nextNote(): Promise<number>;
  nextCannedReply(): Promise<number>;
  nextArticle(): Promise<number>;
  /** So many at once, rising. */
  nextMedia(count: number): Promise<number[]>;
}

/** Tables whose ids are given out before their rows are written. */
export const countedTables = [
  'conversations',
  'messages',
  'media',
  'notes',
  'canned_replies',
  'articles',
] as const;
export type CountedTable = (typeof countedTables)[number];

/** Ids over whatever gives out `count` rising ids of a table. */
export function createIds(take: (table: CountedTable, count: number) => Promise<number[]>): Ids {
  const one = async (table: CountedTable) => (await take(table, 1))[0] as number;
  return {
    nextConversation: () => one('conversations'),
    nextMessage: () => one('messages'),
    nextNote: () => one('notes'),
    nextCannedReply: () => one('canned_replies'),
    nextArticle: () => one('articles'),
    nextMedia: (count) => take('media', count),
  };
}

/** Counts on from the highest id that each table ever held, deleted rows included. */
export async function readSqliteIds(database: Database, queries: Queries): Promise<Ids> {
  const rows = await database.read(
    compileQuery(
      queries
        .selectFrom(sql<{ name: string; seq: number }>`sqlite_sequence`.as('last'))
        .select(['last.name', 'last.seq']),
    ),
  );
  const last = new Map(rows.map(({ name, seq }) => [name, seq]));
  return createIds((table, count) => {
    const before = last.get(table) ?? 0;
    last.set(table, before + count);
    return Promise.resolve(Array.from({ length: count }, (_, index) => before + 1 + index));
  });
}

/** What is asked for together. */
interface Asking {
  count: number;
  taken: Promise<number[]>;
}

/**
 * Ids from the tables' own sequences, so that they rise in the order in which all nodes ask. What is asked for within one turn of the event loop is
 * one query for each table.
 */
export function readPostgresIds(database: Database): Ids {
  const asked = new Map<CountedTable, Asking>();
  const fetch = async (table: CountedTable, asking: Asking) => {
    await new Promise((resolve) => setImmediate(resolve));
    asked.delete(table);
    const text = `select nextval('${table}_id_seq') as id from generate_series(1, $1::int)`;
    const rows = await database.read<{ id: number }>({ sql: text, parameters: [asking.count] });
    return rows.map(({ id }) => id);
  };
  const begin = (table: CountedTable) => {
    const asking: Asking = { count: 0, taken: Promise.resolve([]) };
    asking.taken = fetch(table, asking);
    asked.set(table, asking);
    return asking;
  };
  return createIds(async (table, count) => {
    const open = asked.get(table) ?? begin(table);
    const from = open.count;
    open.count += count;
    return (await open.taken).slice(from, from + count);
  });
}
