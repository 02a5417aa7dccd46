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
}

/** Where a page ended. */
export interface CacheCursor {
  lastUsedAt: number;
  id: number;
}

/** Cached answers on disk. */
export interface CacheEntries {
  /** Stores the entry in place of an earlier one with its `exactKey`; resolves to its id, which is kept then. */
  put(entry: NewCacheEntry): Promise<number>;
  remove(ids: readonly number[]): Promise<void>;
  /** Notes that the entries were used at `at`. */
  touch(ids: readonly number[], at: number): Promise<void>;
  /**
   * Entries after the cursor (null: from the start), the least recently used first: adding them to an LRU in this order
   * restores it. An entry that is touched while pages are read may come twice.
   */
  loadPage(after: CacheCursor | null, limit: number): Promise<CacheEntryRow[]>;
  /** Removes every entry; resolves to their number. */
  clear(): Promise<number>;
  /** Removes the entries that expired at `now` or before; resolves to their number. */
  removeExpired(now: number): Promise<number>;
}

const columns = [
  'id',
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
  const put = compilePut(queries);
  const pages = compilePages(queries);
  // One parameter for any number of ids keeps the SQL text the same, so it stays prepared.
  const remove = compileStatement(queries.deleteFrom('cache_entries').where('id', 'in', numbersOf(queries)));
  const touch = compileStatement(
    queries.updateTable('cache_entries').set({ last_used_at: 0 }).where('id', 'in', numbersOf(queries)),
  );

  async function changesOf(statement: Statement): Promise<number> {
    const [result] = await database.write([statement]);
    return result?.changes ?? 0;
  }

  return {
    async put(entry) {
      const [result] = await database.write([withValues(put, Object.values(tableRow(entry)))]);
      return result?.rows[0]?.['id'] as number;
    },
    async remove(ids) {
      if (ids.length > 0) await changesOf(withValues(remove, [JSON.stringify(ids)]));
    },
    async touch(ids, at) {
      if (ids.length > 0) await changesOf(withValues(touch, [at, JSON.stringify(ids)]));
    },
    async loadPage(after, limit) {
      const rows = after
        ? await readFollowing(database, pages, after, limit)
        : await database.read(withValues(pages.first, [limit]));
      return rows.map((row) => ({ ...row }));
    },
    clear: () => changesOf(compileStatement(queries.deleteFrom('cache_entries'))),
    removeExpired: (now) =>
      changesOf(compileStatement(queries.deleteFrom('cache_entries').where('expires_at', '<=', now))),
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

function compilePut(queries: Queries): Statement {
  const { exact_key: _key, ...replaced } = tableRow(sampleEntry);
  const names = Object.keys(replaced) as (keyof typeof replaced)[];
  return compileStatement(
    queries
      .insertInto('cache_entries')
      .values(tableRow(sampleEntry))
      .onConflict((conflict) =>
        conflict
          .column('exact_key')
          .doUpdateSet((eb) => Object.fromEntries(names.map((name) => [name, eb.ref(`excluded.${name}`)]))),
      )
      .returning('id'),
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
