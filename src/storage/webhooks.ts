import { sql } from 'kysely';
import { compileAudit, compileAuditOfNew } from './audit-log.ts';
import type { NewAuditEntry } from './audit-log.ts';
import type { Database, SqlValue, Statement } from './database.ts';
import { compileQuery, compileStatement, lastIdAsText, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';
import { accepted } from './storage-error.ts';

/** What an administrator decides about a webhook. */
export interface WebhookSettings {
  url: string;
  description: string;
  /** The types of events that it wants. */
  events: string[];
  enabled: boolean;
}

export interface NewWebhook extends WebhookSettings {
  /** Signs what is sent; stored as it is, for it must be used. */
  secret: string;
  /** It is told of what comes after this cursor of the feed. */
  cursor: number;
  createdBy: number;
  createdAt: number;
}

/** A receiver of events. Times are milliseconds since the epoch. */
export interface Webhook extends NewWebhook {
  id: number;
  /** Why Parley switched it off; null where it did not. */
  disabledReason: string | null;
  /** Signs beside the new secret until `oldSecretUntil`. */
  oldSecret: string | null;
  oldSecretUntil: number;
  updatedAt: number;
  /** Since when no attempt has succeeded; null where the last one did. */
  failingSince: number | null;
  /** Of the last attempt. */
  lastAt: number | null;
  lastStatus: number | null;
  /** Null where the last attempt succeeded. */
  lastError: string | null;
}

export interface WebhookUpdate extends WebhookSettings {
  id: number;
  at: number;
  /** Where it goes on from in the feed; left out, it stays. */
  cursor?: number | undefined;
}

/** A claim whose result will be `{webhookId}`, which nobody knows before. */
export type WebhookClaim = Omit<Claim, 'result'>;

/** Those who are told of events. */
export interface Webhooks {
  /** In the order of their making. */
  list(): Promise<Webhook[]>;
  find(id: number): Promise<Webhook | undefined>;
  /** One unit with the claim and the audit entry, whose target is the new webhook. Resolves to its id. */
  create(webhook: NewWebhook, claim?: WebhookClaim, audit?: NewAuditEntry): Promise<number>;
  /** One that is enabled also forgets why it was switched off. False where there is none. */
  update(update: WebhookUpdate, claim?: Claim, audit?: NewAuditEntry): Promise<boolean>;
  /** With its deliveries. False where there is none. */
  remove(id: number, at: number, claim?: Claim, audit?: NewAuditEntry): Promise<boolean>;
  /** The secret of before signs until `oldSecretUntil`. False where there is no such webhook. */
  rotate(
    rotation: { id: number; secret: string; oldSecretUntil: number; at: number },
    claim?: Claim,
    audit?: NewAuditEntry,
  ): Promise<boolean>;
  /** Switched off by Parley. False where it was off, or is gone. */
  switchOff(id: number, reason: string, at: number, audit: NewAuditEntry): Promise<boolean>;
}

const columns = [
  'id',
  'url',
  'description',
  'events',
  'enabled',
  'disabled_reason as disabledReason',
  'secret',
  'old_secret as oldSecret',
  'old_secret_until as oldSecretUntil',
  'cursor',
  'created_by as createdBy',
  'created_at as createdAt',
  'updated_at as updatedAt',
  'failing_since as failingSince',
  'last_at as lastAt',
  'last_status as lastStatus',
  'last_error as lastError',
] as const;

/** Webhooks kept in `database`. */
export function createWebhooks(database: Database, queries: Queries): Webhooks {
  const select = queries.selectFrom('webhooks').select(columns);
  const all = compileQuery(select.orderBy('id'));
  const byId = compileQuery(select.where('id', '=', 0));
  const claiming = compileClaim(queries);
  const auditing = compileAudit(queries);
  const auditingNew = compileAuditOfNew(queries, 'webhooks');
  const { create, nameResult, update, remove, rotate, switchOff } = compileWrites(queries);

  return {
    list: async () => (await database.read(all)).map(webhookOf),
    async find(id) {
      const [row] = await database.read(withValues(byId, [id]));
      return row && webhookOf(row);
    },
    async create(webhook, claim, audit) {
      const claimed = claim === undefined ? [] : claiming({ ...claim, result: null }, webhook.createdAt);
      const insert = withValues(create, newRow(webhook));
      const named = claim === undefined ? [] : [withValues(nameResult, [claim.owner, claim.key])];
      const unit = [...claimed, insert, ...named, ...auditingNew(audit)];
      return (await database.write(unit))[claimed.length]?.rows[0]?.['id'] as number;
    },
    update({ id, url, description, events, enabled, cursor = null, at }, claim, audit) {
      const values = [
        url,
        description,
        JSON.stringify(events),
        enabled ? 1 : 0,
        enabled ? 1 : 0,
        cursor,
        null,
        at,
        id,
      ];
      return accepted(
        database.write([...claiming(claim, at), withValues(update, values), ...auditing(audit)]),
      );
    },
    remove: (id, at, claim, audit) =>
      accepted(database.write([...claiming(claim, at), withValues(remove, [id]), ...auditing(audit)])),
    rotate({ id, secret, oldSecretUntil, at }, claim, audit) {
      const change = withValues(rotate, [oldSecretUntil, secret, at, id]);
      return accepted(database.write([...claiming(claim, at), change, ...auditing(audit)]));
    },
    switchOff: (id, reason, at, audit) =>
      accepted(database.write([withValues(switchOff, [0, reason, at, id, 1]), ...auditing(audit)])),
  };
}

function compileWrites(queries: Queries) {
  const change = queries.updateTable('webhooks');
  return {
    create: compileInsert(queries),
    nameResult: compileStatement(
      queries
        .updateTable('idempotency_keys')
        .set({ result: sql<string>`'{"webhookId":' || ${lastIdAsText(queries, 'webhooks')} || '}'` })
        .where('owner', '=', '')
        .where('key', '=', ''),
      1,
    ),
    update: compileStatement(
      change
        .set(({ fn, ref, val }) => ({
          url: '',
          description: '',
          events: '',
          enabled: 0,
          disabled_reason: sql<string | null>`case when ${0} = 1 then null else disabled_reason end`,
          cursor: fn.coalesce(val(0), ref('cursor')),
          failing_since: val(null),
          updated_at: 0,
        }))
        .where('id', '=', 0),
      1,
    ),
    remove: compileStatement(queries.deleteFrom('webhooks').where('id', '=', 0), 1),
    rotate: compileStatement(
      change
        .set(({ ref }) => ({
          old_secret: ref('secret'),
          old_secret_until: 0,
          secret: '',
          updated_at: 0,
        }))
        .where('id', '=', 0),
      1,
    ),
    switchOff: compileStatement(
      change
        .set({ enabled: 0, disabled_reason: '', updated_at: 0 })
        .where('id', '=', 0)
        .where('enabled', '=', 1),
      1,
    ),
  };
}

function compileInsert(queries: Queries): Statement {
  const row = {
    url: '',
    description: '',
    events: '',
    enabled: 0,
    secret: '',
    old_secret_until: 0,
    cursor: 0,
  };
  const insert = queries
    .insertInto('webhooks')
    .values({ ...row, created_by: 0, created_at: 0, updated_at: 0 })
    .returning('id');
  return compileStatement(insert, 1);
}

function newRow(webhook: NewWebhook): SqlValue[] {
  const { url, description, events, enabled, secret, cursor, createdBy, createdAt } = webhook;
  const wanted = JSON.stringify(events);
  return [url, description, wanted, enabled ? 1 : 0, secret, 0, cursor, createdBy, createdAt, createdAt];
}

function webhookOf(row: Omit<Webhook, 'events' | 'enabled'> & { events: string; enabled: number }): Webhook {
  return { ...row, events: JSON.parse(row.events) as string[], enabled: row.enabled === 1 };
}
