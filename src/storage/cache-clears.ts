import { sql } from 'kysely';
import { compileQuery, compileStatement } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** A clear as it is to be noted. */
export interface NewCacheClear {
  /** A glob over prompts. */
  pattern: string;
  /** Milliseconds since the epoch. */
  now: number;
  /** When everything that was kept before it has expired: from then on nobody needs to know of it. */
  expiresAt: number;
}

/** A clear: entries of a lower revision whose prompt matches are gone, whoever still holds them. */
export interface CacheClear {
  revision: number;
  pattern: string;
  expiresAt: number;
}

/** What the next entry or clear is given: above all entries, all clears, and all entries that are gone. */
export const nextRevision = sql<number>`(select 1 + max(known.revision) from (select revision from cache_revision union all select max(revision) from cache_entries) as known)`;

/** The statements about clears and revisions; each stands in a unit with what it is about. */
export function compileClears(queries: Queries) {
  const ownRevision = queries.selectFrom('cache_revision').select('revision').where('id', '=', sql.lit(1));
  const newest = queries.selectFrom('cache_entries').select((eb) => eb.fn.max('revision').as('revision'));
  const counting = queries.updateTable('cache_revision').where('id', '=', sql.lit(1));
  const forgetting = queries.deleteFrom('cache_clears');
  return {
    /** Before entries are removed: the newest may be among them, and its revision must not be given again. */
    floor: compileStatement(counting.set({ revision: newest }).where('revision', '<', newest)),
    raise: compileStatement(counting.set({ revision: nextRevision })),
    note: compileStatement(
      queries
        .insertInto('cache_clears')
        .values({ revision: ownRevision, pattern: '', expires_at: 0 })
        .returning('revision'),
    ),
    /** What the note of the same pattern that follows says too, and what has expired. */
    forget: compileStatement(
      forgetting.where((eb) => eb.or([eb('pattern', '=', ''), eb('expires_at', '<=', 0)])),
    ),
    forgetAll: compileStatement(forgetting),
    inSpan: compileQuery(
      queries
        .selectFrom('cache_clears')
        .select(['revision', 'pattern', 'expires_at as expiresAt'])
        .where('revision', '>', 0)
        .where('revision', '<=', 0)
        .orderBy('revision'),
    ),
  };
}
