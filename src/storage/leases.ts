import type { Database } from './database.ts';
import { compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** What only one node may do at a time, by name. Times are milliseconds since the epoch, by the clock that all nodes go by. */
export interface Leases {
  /**
   * Takes the lease until `until`, or prolongs the node's own. False, and nothing changed, where another node has it and its time is
   * not over at `now`.
   */
  hold(name: string, node: string, now: number, until: number): Promise<boolean>;
  /** Gives the lease back; nothing happens where the node does not have it. */
  release(name: string, node: string): Promise<void>;
}

/** Leases kept in `database`. */
export function createLeases(database: Database, queries: Queries): Leases {
  const hold = compileStatement(
    queries
      .insertInto('leases')
      .values({ name: '', node: '', lease_until: 0 })
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet((eb) => ({
            node: eb.ref('excluded.node'),
            lease_until: eb.ref('excluded.lease_until'),
          }))
          .where((eb) =>
            eb.or([eb('leases.node', '=', eb.ref('excluded.node')), eb('leases.lease_until', '<=', 0)]),
          ),
      ),
  );
  const release = compileStatement(
    queries.deleteFrom('leases').where('name', '=', '').where('node', '=', ''),
  );
  return {
    async hold(name, node, now, until) {
      const [result] = await database.write([withValues(hold, [name, node, until, now])]);
      return result?.changes === 1;
    },
    async release(name, node) {
      await database.write([withValues(release, [name, node])]);
    },
  };
}
