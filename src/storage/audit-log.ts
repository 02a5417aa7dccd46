import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { Database, Statement } from './database.ts';
import { compileQuery, compileStatement, lastIdAsText, numbersOf, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** An administrative act. */
export interface NewAuditEntry {
  at: number;
  /** 0 for an actor without an account, whose name is given then. */
  actorId: number;
  /** Only of an actor without an account: `command line`, or `Parley` (the default). An account's name is looked up. */
  actorName?: string;
  ip: string;
  /** Noun and verb: `user.create`, `conversation.assign`, `api_key.revoke` … */
  action: string;
  /** What it was done to: `user`, `conversation`, `api_key` … and its id. */
  targetType: string;
  targetId: string | null;
  /** What changed; never a password, token or key. */
  details: Record<string, unknown> | null;
}

export interface AuditEntry extends NewAuditEntry {
  id: number;
  /** As it was then. */
  actorName: string;
}

export interface AuditFilter {
  actorId?: number | undefined;
  action?: string | undefined;
  targetType?: string | undefined;
  targetId?: string | undefined;
  /** Milliseconds since the epoch, both included. */
  from?: number | undefined;
  to?: number | undefined;
}

/** The record of administrative acts. An act that changes the store writes its entry in its own unit: see `compileAudit`. */
export interface AuditLog {
  /** For an act that has no unit of its own, such as an export. */
  add(entry: NewAuditEntry): Promise<void>;
  /** Newest first. `total` is counted up to `countedEntries`: more than that are not counted. */
  list(
    filter: AuditFilter,
    page: { skip: number; limit: number },
  ): Promise<{ entries: AuditEntry[]; total: number; more: boolean }>;
  /**
   * Removes entries from before `before`, the oldest first, `limit` at most; resolves to how many. In the same unit `entry` says so, its
   * `details` with the number as `removed`: where one of its action was written since `since`, that is added to instead. Rejects with
   * `conflict`, nothing removed, where another node does the same.
   */
  removeBefore(removal: AuditRemoval): Promise<number>;
}

/** Which entries to remove, and what is to be said of it; times are milliseconds since the epoch. */
export interface AuditRemoval {
  before: number;
  limit: number;
  entry: NewAuditEntry;
  since: number;
}

/** Entries that a list counts at most. */
export const countedEntries = 10_000;

/** The log kept in `database`. */
export function createAuditLog(database: Database, queries: Queries): AuditLog {
  const adding = compileAudit(queries);
  return {
    async add(entry) {
      await database.write(adding(entry));
    },
    async list(filter, { skip, limit }) {
      const matching = selectMatching(queries, filter);
      const page = matching
        .select(columns)
        .orderBy('at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .offset(skip);
      const counted = queries
        .selectFrom(matching.select(sql.lit(1).as('one')).limit(countedEntries).as('counted'))
        .select(({ fn }) => fn.countAll<number>().as('total'));
      const [rows, [count]] = await Promise.all([
        database.read(compileQuery(page)),
        database.read(compileQuery(counted)),
      ]);
      return {
        entries: rows.slice(0, limit).map(presentEntry),
        total: count?.total ?? 0,
        more: rows.length > limit,
      };
    },
    removeBefore: createRemoval(database, queries, adding),
  };
}

function createRemoval(
  database: Database,
  queries: Queries,
  adding: ReturnType<typeof compileAudit>,
): AuditLog['removeBefore'] {
  const log = queries.selectFrom('audit_log');
  const oldest = compileQuery(log.select('id').where('at', '<', 0).orderBy('at').orderBy('id').limit(0));
  const remove = compileStatement(queries.deleteFrom('audit_log').where('id', 'in', numbersOf(queries)));
  const written = compileQuery(
    log
      .select(['id', 'details'])
      .where('action', '=', '')
      .where('at', '>=', 0)
      .orderBy('at', 'desc')
      .orderBy('id', 'desc')
      .limit(0),
  );
  const rewrite = compileStatement(
    queries.updateTable('audit_log').set({ details: '' }).where('id', '=', 0).where('details', '=', ''),
    1,
  );
  return async ({ before, limit, entry, since }) => {
    const rows = await database.read(withValues(oldest, [before, limit]));
    if (rows.length === 0) return 0;
    const [noted] = await database.read(withValues(written, [entry.action, since, 1]));
    const details = { ...entry.details, removed: rows.length + removedBy(noted?.details) };
    const saying =
      noted === undefined
        ? adding({ ...entry, details })
        : [withValues(rewrite, [JSON.stringify(details), noted.id, noted.details])];
    const ids = JSON.stringify(rows.map(({ id }) => id));
    await database.write([{ ...withValues(remove, [ids]), expect: rows.length }, ...saying]);
    return rows.length;
  };
}

/** What an entry about removed entries says already. */
function removedBy(details: string | null | undefined): number {
  const { removed = 0 } = JSON.parse(details ?? '{}') as { removed?: number };
  return removed;
}

/** The statement with which a unit stores its entry; none without an entry. */
export function compileAudit(queries: Queries): (entry: NewAuditEntry | undefined) => Statement[] {
  const insert = compileInsert(queries, sql<string>`${''}`);
  return (entry) =>
    entry === undefined ? [] : [withValues(insert, [...actOf(entry), entry.targetId, detailsOf(entry)])];
}

/** The same, whose target is the row of this table that the unit has inserted, and whose id nobody knows yet. */
export function compileAuditOfNew(
  queries: Queries,
  table: Parameters<typeof lastIdAsText>[1],
): (entry: NewAuditEntry | undefined) => Statement[] {
  const insert = compileInsert(queries, lastIdAsText(queries, table));
  return (entry) => (entry === undefined ? [] : [withValues(insert, [...actOf(entry), detailsOf(entry)])]);
}

function actOf({ at, actorId, actorName = 'Parley', ip, action, targetType }: NewAuditEntry) {
  return [at, actorId, actorId, actorName, ip, action, targetType];
}

function detailsOf({ details }: NewAuditEntry): string | null {
  return details === null ? null : JSON.stringify(details);
}

function compileInsert(queries: Queries, targetId: RawBuilder<string>): Statement {
  return compileStatement(
    queries.insertInto('audit_log').values(({ fn, selectFrom, val }) => ({
      at: 0,
      actor_id: 0,
      actor_name: fn.coalesce(
        selectFrom('users')
          .select(sql<string>`coalesce(nullif(full_name, ''), username)`.as('name'))
          .where('id', '=', 0),
        val(''),
      ),
      ip: '',
      action: '',
      target_type: '',
      target_id: targetId,
      details: '',
    })),
  );
}

const columns = [
  'id',
  'at',
  'actor_id as actorId',
  'actor_name as actorName',
  'ip',
  'action',
  'target_type as targetType',
  'target_id as targetId',
  'details',
] as const;

function selectMatching(queries: Queries, filter: AuditFilter) {
  const { actorId, action, targetType, targetId, from, to } = filter;
  return queries
    .selectFrom('audit_log')
    .$if(actorId !== undefined, (select) => select.where('actor_id', '=', actorId as number))
    .$if(action !== undefined, (select) => select.where('action', '=', action as string))
    .$if(targetType !== undefined, (select) => select.where('target_type', '=', targetType as string))
    .$if(targetId !== undefined, (select) => select.where('target_id', '=', targetId as string))
    .$if(from !== undefined, (select) => select.where('at', '>=', from as number))
    .$if(to !== undefined, (select) => select.where('at', '<=', to as number));
}

function presentEntry(row: Omit<AuditEntry, 'details'> & { details: string | null }): AuditEntry {
  const details = row.details === null ? null : (JSON.parse(row.details) as Record<string, unknown>);
  return { ...row, details };
}
