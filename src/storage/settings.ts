import { compileAudit } from './audit-log.ts';
import type { NewAuditEntry } from './audit-log.ts';
import type { Database } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';

/** Values that belong to the whole installation, by name. */
export interface Settings {
  /** The value as it was set, or undefined; the caller vouches for its type. */
  get<Value>(key: string): Promise<Value | undefined>;
  /** Stores anything that JSON can hold, in one unit with the audit entry and the claim; `at` is the time of the change, milliseconds since the epoch. */
  set(key: string, value: unknown, at: number, audit?: NewAuditEntry, claim?: Claim): Promise<void>;
}

/** Settings kept in `database`. */
export function createSettings(database: Database, queries: Queries): Settings {
  const claiming = compileClaim(queries);
  const auditing = compileAudit(queries);
  const byKey = compileQuery(queries.selectFrom('settings').select('value').where('key', '=', ''));
  const put = compileStatement(
    queries
      .insertInto('settings')
      .values({ key: '', value: '', updated_at: 0 })
      .onConflict((conflict) =>
        conflict.column('key').doUpdateSet((eb) => ({
          value: eb.ref('excluded.value'),
          updated_at: eb.ref('excluded.updated_at'),
        })),
      ),
  );
  return {
    async get<Value>(key: string) {
      const [row] = await database.read(withValues(byKey, [key]));
      return row && (JSON.parse(row.value) as Value);
    },
    async set(key, value, at, audit, claim) {
      await database.write([
        ...claiming(claim, at),
        withValues(put, [key, JSON.stringify(value), at]),
        ...auditing(audit),
      ]);
    },
  };
}
