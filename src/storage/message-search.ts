import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Page } from './conversations.ts';
import type { Database, SqlValue, Statement } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { createMessageSearchSql } from './message-search-sql.ts';
import type { MessageSearchSql } from './message-search-sql.ts';
import { phrasesOf, snippetOf, wordsOf } from './message-words.ts';
import type { Snippet } from './message-words.ts';
import { accepted } from './storage-error.ts';

export type { Snippet } from './message-words.ts';

/** A message in which everything occurs that was looked for. */
export interface FoundMessage {
  messageId: number;
  snippet: Snippet;
}

export interface FoundMessages {
  /** The newest first. */
  found: FoundMessage[];
  /** 10,000 stands for 10,000 or more; what lies beyond is not found. */
  total: number;
  /** False as long as older messages are still being taken into the index. */
  complete: boolean;
}

/**
 * The index of what was said. It follows the feed, so that a message costs nothing more when it is written; a message that is removed
 * leaves it at once.
 */
export interface MessageSearch {
  /**
   * Takes in what the feed has told since the last time, some hundred changes at most; false where there was nothing, or all up to
   * the feed's cursor `upTo` is in the index: while much is written, the end of the feed is never reached.
   */
  follow(upTo?: number): Promise<boolean>;
  /** Takes in some of the older messages, the newest of them; false where none are left. They are left where the index is new, or has lost the feed. */
  fill(): Promise<boolean>;
  /** Every word and every "quoted phrase" of `search` must occur, whatever its case; `word*` may go on. Nothing is found where it has no word. */
  find(search: string, page: Page): Promise<FoundMessages>;
}

const mostFound = 10_000;
/** Texts are taken apart for so long before others get their turn. */
const sliceMs = 4;

interface Said {
  id: number | null;
  content: string | null;
}

/** The index kept in `database`. */
export function createMessageSearch(database: Database, queries: Queries): MessageSearch {
  const dialect = createMessageSearchSql(queries);
  const { atOnce } = dialect;
  const selects = compileSelects(queries, dialect);
  const { advance, shrink, restart } = compileWrites(queries);
  const progress = async () => (await database.read(selects.progress))[0]!;
  /** Refused where another process has gone on meanwhile. */
  const index = async (step: Statement, said: readonly Said[]): Promise<void> => {
    await accepted(database.write([step, ...(await putsOf(said, dialect))], { patient: true }));
  };
  const read = <Row>(query: Parameters<typeof database.read<Row>>[0], values: SqlValue[]) =>
    database.read(withValues(query, values));

  return {
    async follow(upTo = Number.POSITIVE_INFINITY) {
      const { cursor, forgotten } = await progress();
      if (cursor >= upTo) return false;
      if (cursor < forgotten) {
        await accepted(database.write([withValues(restart, [cursor])]));
        return true;
      }
      const events = await read(selects.told, [cursor, atOnce.events]);
      const last = events.at(-1);
      if (last === undefined) return false;
      await index(withValues(advance, [last.cursor, cursor]), latest(events));
      return true;
    },
    async fill() {
      const { unreadId } = await progress();
      if (unreadId === 0) return false;
      const said = await read(selects.older, [unreadId, atOnce.messages]);
      const left = said.length < atOnce.messages ? 0 : said.at(-1)!.id - 1;
      await index(withValues(shrink, [left, unreadId]), said);
      return true;
    },
    async find(search, { skip, limit }) {
      const { unreadId } = await progress();
      const phrases = phrasesOf(search);
      if (phrases.length === 0) return { found: [], total: 0, complete: unreadId === 0 };
      const match = dialect.matchOf(phrases);
      const most = Math.max(0, Math.min(limit, mostFound - skip));
      const [[counted], rows] = await Promise.all([
        read(selects.count, [match, mostFound]),
        read(selects.page, [match, most, skip]),
      ]);
      return {
        found: rows.map(({ id, content }) => ({ messageId: id, snippet: snippetOf(content, phrases) })),
        total: counted?.count ?? 0,
        complete: unreadId === 0,
      };
    },
  };
}

async function putsOf(said: readonly Said[], { indexed, put }: MessageSearchSql): Promise<Statement[]> {
  // In their order a database gathers them in memory.
  const inOrder = said.filter(({ content }) => content).toSorted((a, b) => a.id! - b.id!);
  const puts: Statement[] = [];
  let sliceBegan = performance.now();
  for (const { id, content } of inOrder) {
    if (performance.now() - sliceBegan > sliceMs) {
      await nextTurn();
      sliceBegan = performance.now();
    }
    puts.push(withValues(put, [indexed(wordsOf(content!).map(termOf)), id]));
  }
  return puts;
}

function termOf({ term }: { term: string }): string {
  return term;
}

/** What several events tell of is written once. */
function latest(events: readonly Said[]): Said[] {
  return [...new Map(events.filter(({ id }) => id !== null).map((said) => [said.id, said])).values()];
}

function compileSelects(queries: Queries, { newest, any }: MessageSearchSql) {
  return {
    progress: compileQuery(
      queries
        .selectFrom('message_search_progress')
        .innerJoin('feed_forgotten', 'feed_forgotten.id', 'message_search_progress.id')
        .select([
          'message_search_progress.cursor',
          'unread_id as unreadId',
          'feed_forgotten.cursor as forgotten',
        ])
        .where('message_search_progress.id', '=', sql.lit(1)),
    ),
    told: compileQuery(
      queries
        .selectFrom('feed')
        .leftJoin('messages', (join) =>
          join
            .onRef('messages.id', '=', 'feed.message_id')
            .on('feed.type', 'in', [sql.lit('asked'), sql.lit('answered'), sql.lit('replied')]),
        )
        .select(['feed.cursor', 'messages.id', 'messages.content'])
        .where('feed.cursor', '>', 0)
        .orderBy('feed.cursor')
        .limit(0),
    ),
    older: compileQuery(
      queries
        .selectFrom('messages')
        .select(['id', 'content'])
        .where('id', '<=', 0)
        .orderBy('id', 'desc')
        .limit(0),
    ),
    count: compileQuery(queries.selectFrom(any).select(({ fn }) => fn.countAll<number>().as('count'))),
    page: compileQuery(
      queries
        .selectFrom('messages')
        .select(['id', 'content'])
        .where('id', 'in', queries.selectFrom(newest).select('found.id'))
        .orderBy('id', 'desc'),
    ),
  };
}

function compileWrites(queries: Queries) {
  const progress = queries.updateTable('message_search_progress');
  const head = queries.selectFrom('feed').select(({ fn }) => fn.max('cursor').as('cursor'));
  const forgotten = queries.selectFrom('feed_forgotten').select('cursor');
  const newest = queries.selectFrom('messages').select(({ fn }) => fn.max('id').as('id'));
  return {
    advance: compileStatement(progress.set({ cursor: 0 }).where('cursor', '=', 0), 1),
    shrink: compileStatement(progress.set({ unread_id: 0 }).where('unread_id', '=', 0), 1),
    // What changes after this is told; all that is there now is taken in again.
    restart: compileStatement(
      progress
        .set(({ fn, lit }) => ({
          cursor: fn.coalesce(head, forgotten, lit(0)),
          unread_id: fn.coalesce(newest, lit(0)),
        }))
        .where('cursor', '=', 0),
      1,
    ),
  };
}
