import { compileAudit, compileAuditOfNew } from './audit-log.ts';
import type { NewAuditEntry } from './audit-log.ts';
import { readBudget, writeBudget, type StoredBudget } from './budgets.ts';
import type { Database } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';
import { accepted } from './storage-error.ts';

/** A key as it is made. The key itself is never stored, only its hash. */
export interface NewApiKeyRow {
  name: string;
  /** The key's first characters, by which people recognise it. */
  prefix: string;
  hash: string;
  /** Comma separated; empty for none. */
  scopes: string;
  requestsPerMinute: number | null;
  /** Milliseconds since the epoch, as are the other times. */
  expiresAt: number | null;
  /** What may be spent in a month; null where the configuration says. */
  budget: StoredBudget | null;
  createdAt: number;
}

/** A stored key. */
export interface ApiKeyRow extends NewApiKeyRow {
  id: number;
  revokedAt: number | null;
  lastUsedAt: number | null;
}

/** API keys, whether valid, expired or revoked. */
export interface ApiKeys {
  /**
   * One unit: the key, the claim and the audit entry, whose target is the new key. Resolves to the key's id; rejects with
   * `conflict` where the hash exists.
   */
  create(key: NewApiKeyRow, claim?: Claim, audit?: NewAuditEntry): Promise<number>;
  /** Every key, the newest first. */
  list(): Promise<ApiKeyRow[]>;
  findByHash(hash: string): Promise<ApiKeyRow | undefined>;
  /** False where there is no such key or it is revoked already; claim and audit entry are stored only with the revocation. */
  revoke(id: number, at: number, claim?: Claim, audit?: NewAuditEntry): Promise<boolean>;
  /** Notes a use; an older time than the noted one changes nothing. */
  touch(id: number, at: number): Promise<void>;
}

const columns = [
  'id',
  'name',
  'prefix',
  'hash',
  'scopes',
  'requests_per_minute as requestsPerMinute',
  'expires_at as expiresAt',
  'budget',
  'created_at as createdAt',
  'revoked_at as revokedAt',
  'last_used_at as lastUsedAt',
] as const;

/** Keys kept in `database`. */
export function createApiKeys(database: Database, queries: Queries): ApiKeys {
  const select = queries.selectFrom('api_keys').select(columns);
  const all = compileQuery(select.orderBy('id', 'desc'));
  const byHash = compileQuery(select.where('hash', '=', ''));
  const touch = compileStatement(
    queries
      .updateTable('api_keys')
      .set({ last_used_at: 0 })
      .where('id', '=', 0)
      .where((where) => where.or([where('last_used_at', 'is', null), where('last_used_at', '<', 0)])),
  );
  const claiming = compileClaim(queries);
  const auditing = compileAudit(queries);
  const auditingNew = compileAuditOfNew(queries, 'api_keys');
  return {
    async create(key, claim, audit) {
      const insert = queries.insertInto('api_keys').values(tableRow(key)).returning('id');
      const claimed = claiming(claim, key.createdAt);
      const unit = [...claimed, compileStatement(insert, 1), ...auditingNew(audit)];
      const results = await database.write(unit);
      return results[claimed.length]?.rows[0]?.['id'] as number;
    },
    list: async () => (await database.read(all)).map(keyOf),
    async findByHash(hash) {
      const [row] = await database.read(withValues(byHash, [hash]));
      return row && keyOf(row);
    },
    revoke(id, at, claim, audit) {
      const update = queries.updateTable('api_keys').set({ revoked_at: at });
      const revocation = compileStatement(update.where('id', '=', id).where('revoked_at', 'is', null), 1);
      return accepted(database.write([...claiming(claim, at), revocation, ...auditing(audit)]));
    },
    async touch(id, at) {
      await database.write([withValues(touch, [at, id, at])]);
    },
  };
}

function keyOf<Row extends { budget: string | null }>(row: Row) {
  return { ...row, budget: readBudget(row.budget) };
}

function tableRow(key: NewApiKeyRow) {
  return {
    name: key.name,
    prefix: key.prefix,
    hash: key.hash,
    scopes: key.scopes,
    requests_per_minute: key.requestsPerMinute,
    expires_at: key.expiresAt,
    budget: writeBudget(key.budget),
    created_at: key.createdAt,
  };
}
