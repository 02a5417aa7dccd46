import { compileAudit } from './audit-log.ts';
import type { NewAuditEntry } from './audit-log.ts';
import type { Database } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';
import type { Ids } from './ids.ts';
import { accepted } from './storage-error.ts';

/** What can be changed of a prepared reply. */
export interface CannedReplyFields {
  /** Unique without regard to case. */
  shortcut: string;
  title: string;
  content: string;
}

/** A prepared reply. Times are milliseconds since the epoch. */
export interface CannedReply extends CannedReplyFields {
  id: number;
  createdBy: number;
  createdAt: number;
  updatedAt: number;
}

/** A prepared reply as it is made. `id` comes from `CannedReplies.nextId`. */
export type NewCannedReply = CannedReplyFields & { id: number; createdBy: number; at: number };

/** Prepared replies. A taken shortcut is a `conflict` with `canned_replies.shortcut_key` as its `constraint`. */
export interface CannedReplies {
  /** An id that no other reply has or had. */
  nextId(): Promise<number>;
  find(id: number): Promise<CannedReply | undefined>;
  /** All of them, by shortcut. */
  list(): Promise<CannedReply[]>;
  count(): Promise<number>;
  /** One unit with the claim and the audit entry. */
  create(reply: NewCannedReply, claim?: Claim, audit?: NewAuditEntry): Promise<void>;
  /** The same; false where there is no such reply. */
  update(
    id: number,
    fields: CannedReplyFields,
    at: number,
    claim?: Claim,
    audit?: NewAuditEntry,
  ): Promise<boolean>;
  /** The same. */
  remove(id: number, at: number, claim?: Claim, audit?: NewAuditEntry): Promise<boolean>;
}

const columns = [
  'id',
  'shortcut',
  'title',
  'content',
  'created_by as createdBy',
  'created_at as createdAt',
  'updated_at as updatedAt',
] as const;

/** Replies kept in `database`. */
export function createCannedReplies(database: Database, queries: Queries, ids: Ids): CannedReplies {
  const claiming = compileClaim(queries);
  const auditing = compileAudit(queries);
  const { byId, all, counted, insert, change, erase } = compileAll(queries);
  return {
    nextId: () => ids.nextCannedReply(),
    async find(id) {
      const [row] = await database.read(withValues(byId, [id]));
      return row && { ...row };
    },
    list: async () => (await database.read(all)).map((row) => ({ ...row })),
    count: async () => (await database.read(counted))[0]?.count ?? 0,
    async create({ id, shortcut, title, content, createdBy, at }, claim, audit) {
      await database.write([
        ...claiming(claim, at),
        withValues(insert, [id, shortcut, keyOf(shortcut), title, createdBy, at, at, content]),
        ...auditing(audit),
      ]);
    },
    update: (id, { shortcut, title, content }, at, claim, audit) =>
      accepted(
        database.write([
          ...claiming(claim, at),
          withValues(change, [shortcut, keyOf(shortcut), title, at, content, id]),
          ...auditing(audit),
        ]),
      ),
    remove: (id, at, claim, audit) =>
      accepted(database.write([...claiming(claim, at), withValues(erase, [id]), ...auditing(audit)])),
  };
}

function compileAll(queries: Queries) {
  const select = queries.selectFrom('canned_replies').select(columns);
  const fields = { shortcut: '', shortcut_key: '', title: '' };
  return {
    byId: compileQuery(select.where('id', '=', 0)),
    all: compileQuery(select.orderBy('shortcut_key')),
    counted: compileQuery(
      queries.selectFrom('canned_replies').select(({ fn }) => fn.countAll<number>().as('count')),
    ),
    insert: compileStatement(
      queries
        .insertInto('canned_replies')
        .values({ id: 0, ...fields, created_by: 0, created_at: 0, updated_at: 0, content: '' }),
    ),
    change: compileStatement(
      queries
        .updateTable('canned_replies')
        .set({ ...fields, updated_at: 0, content: '' })
        .where('id', '=', 0),
      1,
    ),
    erase: compileStatement(queries.deleteFrom('canned_replies').where('id', '=', 0), 1),
  };
}

/** Two spellings that people take for the same have the same key. */
function keyOf(shortcut: string): string {
  return shortcut.normalize('NFKC').toLowerCase();
}
