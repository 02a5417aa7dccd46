import { sql } from 'kysely';
import { compileAudit } from './audit-log.ts';
import type { NewAuditEntry } from './audit-log.ts';
import type { Database, Statement } from './database.ts';
import { aText, compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';
import { accepted } from './storage-error.ts';

/**
 * `pending` is sent when its time comes; `waiting` comes after an earlier one of its conversation; `delivered` and `failed` have
 * ended.
 */
export type DeliveryState = 'waiting' | 'pending' | 'delivered' | 'failed';

/** What is to be sent to a receiver. */
export interface NewDelivery {
  /** The same at every attempt; a receiver has one delivery of it. */
  eventId: string;
  type: string;
  conversationId: number;
  payload: string;
}

/** Times are milliseconds since the epoch. */
export interface ListedDelivery extends Omit<NewDelivery, 'payload'> {
  id: number;
  webhookId: number;
  state: DeliveryState;
  attempts: number;
  /** When it is due. */
  nextAt: number;
  /** Of the last attempt; null where there was no answer. */
  statusCode: number | null;
  error: string | null;
  createdAt: number;
  endedAt: number | null;
}

export interface Delivery extends ListedDelivery {
  payload: string;
}

/** What came of an attempt. */
export interface Attempt {
  delivery: Pick<Delivery, 'id' | 'webhookId' | 'conversationId'>;
  state: 'pending' | 'delivered' | 'failed';
  /** When it is tried again; of no meaning once it has ended. */
  nextAt: number;
  statusCode: number | null;
  /** Null where it succeeded. */
  error: string | null;
  at: number;
}

/** What is sent to receivers of events, and what came of it. */
export interface WebhookDeliveries {
  /**
   * One unit: the deliveries, but those that the receiver has already, and its cursor, moved from `from` to `to`. False, and nothing
   * stored, where the cursor was another, or the receiver is switched off or gone.
   */
  collect(
    webhookId: number,
    cursor: { from: number; to: number },
    deliveries: readonly NewDelivery[],
    at: number,
  ): Promise<boolean>;
  /** Those that are due at `at`, the one due for longest first. */
  due(webhookId: number, at: number, limit: number): Promise<Delivery[]>;
  /** When the first delivery after `at` is due; undefined where there is none. */
  nextDue(webhookId: number, at: number): Promise<number | undefined>;
  /** How many have not ended, counted up to `limit`. */
  open(webhookId: number, limit: number): Promise<number>;
  /** One unit: what came of an attempt, the next of the conversation where this one has ended, and the receiver's last outcome. */
  settle(attempt: Attempt): Promise<void>;
  /** One more attempt, now. False where it was delivered, or there is no such delivery. */
  retry(webhookId: number, id: number, at: number, claim?: Claim, audit?: NewAuditEntry): Promise<boolean>;
  find(webhookId: number, id: number): Promise<ListedDelivery | undefined>;
  /** Newest first; `total` is counted up to 10,000. */
  list(
    webhookId: number,
    page: { skip: number; limit: number },
  ): Promise<{ deliveries: ListedDelivery[]; total: number }>;
  /** Forgets what ended before `at`, some thousand at a time; resolves to how many. */
  removeEnded(at: number): Promise<number>;
}

const listed = [
  'id',
  'webhook_id as webhookId',
  'event_id as eventId',
  'type',
  'conversation_id as conversationId',
  sql<DeliveryState>`state`.as('state'),
  'attempts',
  'next_at as nextAt',
  'status_code as statusCode',
  'error',
  'created_at as createdAt',
  'ended_at as endedAt',
] as const;

/** Deliveries that a list counts at most. */
const countedDeliveries = 10_000;
/** Rows that one `removeEnded` forgets at most. */
const forgottenAtOnce = 5000;

/** Deliveries kept in `database`. */
export function createWebhookDeliveries(database: Database, queries: Queries): WebhookDeliveries {
  const reads = compileReads(queries);
  const { advance, insert, settle, next, note, retry, removeEnded } = compileWrites(queries);
  const claiming = compileClaim(queries);
  const auditing = compileAudit(queries);
  const count = async (webhookId: number, query: typeof reads.open, limit: number) =>
    (await database.read(withValues(query, [webhookId, limit])))[0]?.total ?? 0;

  return {
    collect(webhookId, { from, to }, deliveries, at) {
      const rows = deliveries.map(({ eventId, type, conversationId, payload }) =>
        withValues(insert, [
          webhookId,
          eventId,
          type,
          conversationId,
          webhookId,
          conversationId,
          at,
          at,
          payload,
        ]),
      );
      return accepted(database.write([withValues(advance, [to, webhookId, from]), ...rows]));
    },
    due: (webhookId, at, limit) => database.read(withValues(reads.due, [webhookId, at, limit])),
    async nextDue(webhookId, at) {
      const [row] = await database.read(withValues(reads.nextDue, [webhookId, at]));
      return row?.at ?? undefined;
    },
    open: (webhookId, limit) => count(webhookId, reads.open, limit),
    async settle({ delivery, state, nextAt, statusCode, error, at }) {
      const { id, webhookId, conversationId } = delivery;
      const ended = state === 'pending' ? null : at;
      await database.write([
        withValues(settle, [state, nextAt, statusCode, error, ended, id]),
        ...(ended === null ? [] : [withValues(next, [at, webhookId, conversationId])]),
        withValues(note, [error, at, at, statusCode, error, webhookId]),
      ]);
    },
    retry(webhookId, id, at, claim, audit) {
      const again = withValues(retry, [id, at, id, webhookId]);
      return accepted(database.write([...claiming(claim, at), again, ...auditing(audit)]));
    },
    async find(webhookId, id) {
      const [row] = await database.read(withValues(reads.byId, [id, webhookId]));
      return row;
    },
    async list(webhookId, { skip, limit }) {
      const [rows, total] = await Promise.all([
        database.read(withValues(reads.page, [webhookId, limit, skip])),
        count(webhookId, reads.total, countedDeliveries),
      ]);
      return { deliveries: rows, total };
    },
    async removeEnded(at) {
      const [result] = await database.write([withValues(removeEnded, [at, forgottenAtOnce])]);
      return result?.changes ?? 0;
    },
  };
}

function compileReads(queries: Queries) {
  const ofWebhook = queries.selectFrom('webhook_deliveries').where('webhook_id', '=', 0);
  const pending = ofWebhook.where(sql<boolean>`state = 'pending'`);
  const counted = (rows: typeof ofWebhook) =>
    compileQuery(
      queries
        .selectFrom(rows.select('id').limit(0).as('counted'))
        .select(({ fn }) => fn.countAll<number>().as('total')),
    );
  return {
    due: compileQuery(
      pending
        .where('next_at', '<=', 0)
        .select([...listed, 'payload'])
        .orderBy('next_at')
        .orderBy('id')
        .limit(0),
    ),
    nextDue: compileQuery(
      pending.where('next_at', '>', 0).select(({ fn }) => fn.min<number | null>('next_at').as('at')),
    ),
    open: counted(ofWebhook.where(sql<boolean>`ended_at is null`)),
    total: counted(ofWebhook),
    byId: compileQuery(
      queries.selectFrom('webhook_deliveries').select(listed).where('id', '=', 0).where('webhook_id', '=', 0),
    ),
    page: compileQuery(ofWebhook.select(listed).orderBy('id', 'desc').limit(0).offset(0)),
  };
}

function compileWrites(queries: Queries) {
  const change = queries.updateTable('webhook_deliveries');
  return {
    advance: compileStatement(
      queries
        .updateTable('webhooks')
        .set({ cursor: 0 })
        .where('id', '=', 0)
        .where('cursor', '=', 0)
        .where(sql<boolean>`enabled = 1`),
      1,
    ),
    insert: compileInsert(queries),
    settle: compileStatement(
      change
        .set((eb) => ({
          attempts: eb('attempts', '+', eb.lit(1)),
          state: '',
          next_at: 0,
          status_code: 0,
          error: '',
          ended_at: 0,
        }))
        .where('id', '=', 0),
    ),
    next: compileStatement(
      change
        .set({ state: sql<string>`'pending'`, next_at: 0 })
        .where('id', '=', (eb) =>
          eb
            .selectFrom('webhook_deliveries')
            .select(({ fn }) => fn.min<number>('id').as('id'))
            .where('webhook_id', '=', 0)
            .where('conversation_id', '=', 0)
            .where(sql<boolean>`ended_at is null`),
        )
        .where(sql<boolean>`state = 'waiting'`),
    ),
    note: compileNote(queries),
    retry: compileRetry(queries),
    removeEnded: compileStatement(
      queries
        .deleteFrom('webhook_deliveries')
        .where('id', 'in', (eb) =>
          eb
            .selectFrom('webhook_deliveries')
            .select('id')
            .where('ended_at', '<', 0)
            .orderBy('ended_at')
            .limit(0),
        ),
    ),
  };
}

function compileInsert(queries: Queries): Statement {
  return compileStatement(
    queries
      .insertInto('webhook_deliveries')
      .values({
        webhook_id: 0,
        event_id: '',
        type: '',
        conversation_id: 0,
        state: sql<string>`case when exists (
          select 1 from webhook_deliveries where webhook_id = ${0} and conversation_id = ${0} and ended_at is null
        ) then 'waiting' else 'pending' end`,
        attempts: sql.lit(0),
        next_at: 0,
        created_at: 0,
        payload: '',
      })
      .onConflict((conflict) => conflict.columns(['webhook_id', 'event_id']).doNothing()),
  );
}

/** The receiver's last outcome. */
function compileNote(queries: Queries): Statement {
  return compileStatement(
    queries
      .updateTable('webhooks')
      .set({
        failing_since: sql<
          number | null
        >`case when ${aText(queries)} is null then null else coalesce(failing_since, ${0}) end`,
        last_at: 0,
        last_status: 0,
        last_error: '',
      })
      .where('id', '=', 0),
  );
}

/** One that has ended gets in line again, behind what is open in its conversation. */
function compileRetry(queries: Queries): Statement {
  return compileStatement(
    queries
      .updateTable('webhook_deliveries')
      .set({
        state: sql<string>`case when exists (
          select 1 from webhook_deliveries as other
          where other.webhook_id = webhook_deliveries.webhook_id
            and other.conversation_id = webhook_deliveries.conversation_id
            and other.ended_at is null and other.id <> ${0} and webhook_deliveries.ended_at is not null
        ) then 'waiting' when state = 'waiting' then 'waiting' else 'pending' end`,
        next_at: 0,
        ended_at: sql<null>`null`,
      })
      .where('id', '=', 0)
      .where('webhook_id', '=', 0)
      .where(sql<boolean>`state <> 'delivered'`),
    1,
  );
}
