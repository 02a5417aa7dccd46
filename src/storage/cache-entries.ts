import { sql } from 'kysely';
import { compileClears, nextRevision } from './cache-clears.ts';
import type { CacheClear, NewCacheClear } from './cache-clears.ts';
import type { Database, Statement } from './database.ts';
import { compileQuery, compileStatement, numbersOf, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { CacheEntriesTable } from './schema.ts';

/** A cached answer as it is stored. */
export interface NewCacheEntry {
  /** Digest of everything that shapes the answer, its owner included; unique. */
  exactKey: string;
  /** Digest of everything but the message; empty where only an exact match counts. */
  groupKey: string;
  owner: string;
  model: string;
  prompt: string;
  /** JSON. */
  answer: string;
  embedding: Uint8Array | null;
  /** What the entry counts for in the cache's bound. */
  bytes: number;
  /** Milliseconds since the epoch, as are the other times. */
  createdAt: number;
  expiresAt: number;
  lastUsedAt: number;
}

/** A stored entry. */
export interface CacheEntryRow extends NewCacheEntry {
  id: number;
  /** Higher than of all that was kept or cleared before it, on any node; never given twice. An entry that is replaced gets another. */
  revision: number;
}

/** Where a page ended. */
export interface CacheCursor {
  lastUsedAt: number;
  id: number;
}

/** What happened after the revision `after`, up to `upTo`. */
export interface CacheSpan {
  after: number;
  upTo: number;
}

/** What an entry answers, without its answer. */
export interface CachePrompt {
  revision: number;
  prompt: string;
}

/** Cached answers on disk. An entry is named by its revision: what has replaced it meanwhile is not touched. */
export interface CacheEntries {
  /**
   * Stores the entry in place of an earlier one with its `exactKey`; resolves to its revision. Null, and nothing stored, where a clear is
   * noted that is above `known`: the entry may be older than it.
   */
  put(entry: NewCacheEntry, known: number): Promise<number | null>;
  /** Resolves to how many of them there were. */
  remove(revisions: readonly number[]): Promise<number>;
  /** Notes that the entries were used at `at`. */
  touch(revisions: readonly number[], at: number): Promise<void>;
  /**
   * Entries after the cursor (null: from the start), the least recently used first: adding them to an LRU in this order
   * restores it. An entry that is touched while pages are read may come twice.
   */
  loadPage(after: CacheCursor | null, limit: number): Promise<CacheEntryRow[]>;
  /** The revision of the newest entry or clear; 0 where there is none. */
  revision(): Promise<number>;
  /** Entries kept in the span and still there, the oldest first. */
  keptIn(span: CacheSpan, limit: number): Promise<CacheEntryRow[]>;
  /** The names of the same, and nothing else of them. */
  revisionsIn(span: CacheSpan, limit: number): Promise<number[]>;
  /** The prompts of the same. */
  promptsIn(span: CacheSpan, limit: number): Promise<CachePrompt[]>;
  /** Clears noted in the span, the oldest first. */
  clearsIn(span: CacheSpan): Promise<CacheClear[]>;
  /** Removes every entry and notes it, instead of all earlier notes; `removed` counts those that had not expired. */
  clear(note: Omit<NewCacheClear, 'pattern'>): Promise<{ revision: number; removed: number }>;
  /** Notes that what matches the pattern and has a lower revision is cleared; removing it is left to the caller. */
  noteClear(note: NewCacheClear): Promise<number>;
  /** Removes the entries that expired at `now` or before; resolves to their number. */
  removeExpired(now: number): Promise<number>;
}

/** The glob that everything matches. */
const everything = '*';

const columns = [
  'id',
  'revision',
  'exact_key as exactKey',
  'group_key as groupKey',
  'owner',
  'model',
  'prompt',
  'answer',
  'embedding',
  'bytes',
  'created_at as createdAt',
  'expires_at as expiresAt',
  'last_used_at as lastUsedAt',
] as const;

/** Entries kept in `database`. */
export function createCacheEntries(database: Database, queries: Queries): CacheEntries {
  const statements = compileAll(queries);
  const { put, pages, spans, clears } = statements;
  const write = async (unit: Statement[]) => {
    const results = await database.write(unit);
    return { last: results.at(-1)?.changes ?? 0, rows: results.flatMap(({ rows }) => rows) };
  };
  const revisionIn = (rows: readonly Record<string, unknown>[]) => rows[0]?.['revision'] as number;

  return {
    async put(entry, known) {
      const { rows } = await write([withValues(put, [...Object.values(tableRow(entry)), known])]);
      return rows.length === 0 ? null : revisionIn(rows);
    },
    async remove(revisions) {
      if (revisions.length === 0) return 0;
      return (await write([clears.floor, withValues(statements.remove, [JSON.stringify(revisions)])])).last;
    },
    async touch(revisions, at) {
      if (revisions.length === 0) return;
      await write([withValues(statements.touch, [at, JSON.stringify(revisions), at])]);
    },
    loadPage: (after, limit) =>
      after ? readFollowing(database, pages, after, limit) : database.read(withValues(pages.first, [limit])),
    revision: async () => revisionIn(await database.read(statements.revision)),
    keptIn: ({ after, upTo }, limit) => database.read(withValues(spans.entries, [after, upTo, limit])),
    async revisionsIn({ after, upTo }, limit) {
      const rows = await database.read(withValues(spans.revisions, [after, upTo, limit]));
      return rows.map(({ revision }) => revision);
    },
    promptsIn: ({ after, upTo }, limit) => database.read(withValues(spans.prompts, [after, upTo, limit])),
    clearsIn: ({ after, upTo }) => database.read(withValues(clears.inSpan, [after, upTo])),
    async clear({ now, expiresAt }) {
      const expired = withValues(statements.removeExpired, [now]);
      const note = withValues(clears.note, [everything, expiresAt]);
      const { last, rows } = await write([
        clears.raise,
        expired,
        clears.forgetAll,
        note,
        statements.removeAll,
      ]);
      return { revision: revisionIn(rows), removed: last };
    },
    async noteClear({ pattern, now, expiresAt }) {
      const expired = withValues(statements.removeExpired, [now]);
      const forget = withValues(clears.forget, [pattern, now]);
      const note = withValues(clears.note, [pattern, expiresAt]);
      return revisionIn((await write([clears.raise, expired, forget, note])).rows);
    },
    removeExpired: async (now) =>
      (await write([clears.floor, withValues(statements.removeExpired, [now])])).last,
  };
}

function compileAll(queries: Queries) {
  const inSpan = queries
    .selectFrom('cache_entries')
    .where('revision', '>', 0)
    .where('revision', '<=', 0)
    .orderBy('revision')
    .limit(0);
  const removing = queries.deleteFrom('cache_entries');
  return {
    clears: compileClears(queries),
    put: compilePut(queries),
    pages: compilePages(queries),
    spans: {
      entries: compileQuery(inSpan.select(columns)),
      revisions: compileQuery(inSpan.select('revision')),
      prompts: compileQuery(inSpan.select(['revision', 'prompt'])),
    },
    revision: compileQuery(
      queries.selectNoFrom(
        sql<number>`(select coalesce(max(known.revision), 0) from (select max(revision) as revision from cache_clears union all select max(revision) from cache_entries) as known)`.as(
          'revision',
        ),
      ),
    ),
    // One parameter for any number of revisions keeps the SQL text the same, so it stays prepared.
    remove: compileStatement(removing.where('revision', 'in', numbersOf(queries))),
    removeAll: compileStatement(removing),
    removeExpired: compileStatement(removing.where('expires_at', '<=', 0)),
    // A node that is late to say so takes nothing back that another has noted since.
    touch: compileStatement(
      queries
        .updateTable('cache_entries')
        .set({ last_used_at: 0 })
        .where('revision', 'in', numbersOf(queries))
        .where('last_used_at', '<', 0),
    ),
  };
}

function compilePages(queries: Queries) {
  const first = queries
    .selectFrom('cache_entries')
    .select(columns)
    .orderBy('last_used_at')
    .orderBy('id')
    .limit(0);
  return {
    first: compileQuery(first),
    sameTime: compileQuery(first.where('last_used_at', '=', 0).where('id', '>', 0)),
    later: compileQuery(first.where('last_used_at', '>', 0)),
  };
}

/** Two ranges instead of `(last_used_at, id) > (?, ?)`, for the reason that `api-calls.ts` gives. */
async function readFollowing(
  database: Database,
  { sameTime, later }: ReturnType<typeof compilePages>,
  after: CacheCursor,
  limit: number,
): Promise<CacheEntryRow[]> {
  const same = await database.read(withValues(sameTime, [after.lastUsedAt, after.id, limit]));
  if (same.length >= limit) return same;
  const rest = await database.read(withValues(later, [after.lastUsedAt, limit - same.length]));
  return [...same, ...rest];
}

/** One statement: whether something was cleared, and the next revision, are looked up in it. */
function compilePut(queries: Queries): Statement {
  const row = tableRow(sampleEntry);
  const { exact_key: _key, ...replaced } = { ...row, revision: 0 };
  const names = Object.keys(replaced) as (keyof typeof replaced)[];
  const fresh = queries
    .selectNoFrom([
      ...Object.entries(row).map(([name, value]) => sql.val(value).as(name)),
      nextRevision.as('revision'),
    ])
    .where(sql<number>`(select coalesce(max(revision), 0) from cache_clears)`, '<=', 0);
  return compileStatement(
    queries
      .insertInto('cache_entries')
      .columns([...(Object.keys(row) as (keyof typeof row)[]), 'revision'])
      .expression(fresh)
      .onConflict((conflict) =>
        conflict
          .column('exact_key')
          .doUpdateSet((eb) => Object.fromEntries(names.map((name) => [name, eb.ref(`excluded.${name}`)]))),
      )
      .returning('revision'),
  );
}

function tableRow(entry: NewCacheEntry): Omit<CacheEntriesTable, 'id' | 'revision'> {
  return {
    exact_key: entry.exactKey,
    group_key: entry.groupKey,
    owner: entry.owner,
    model: entry.model,
    bytes: entry.bytes,
    created_at: entry.createdAt,
    expires_at: entry.expiresAt,
    last_used_at: entry.lastUsedAt,
    prompt: entry.prompt,
    answer: entry.answer,
    embedding: entry.embedding,
  };
}

const sampleEntry: NewCacheEntry = {
  exactKey: '',
  groupKey: '',
  owner: '',
  model: '',
  prompt: '',
  answer: '',
  embedding: null,
  bytes: 0,
  createdAt: 0,
  expiresAt: 0,
  lastUsedAt: 0,
};
