import { sql } from 'kysely';
import { compileAudit } from './audit-log.ts';
import type { NewAuditEntry } from './audit-log.ts';
import type { Database } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { agentName } from './shown-name.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';
import { accepted } from './storage-error.ts';

/** An agent or administrator, as those who answer customers. Times are milliseconds since the epoch. */
export interface AgentRow {
  id: number;
  name: string;
  email: string;
  /** `agent` or `admin`. */
  role: string;
  /** Conversations at once; null is the setting's. */
  capacity: number | null;
  /** What the agent said last. */
  availability: 'online' | 'away';
  /** When a conversation was last given to the agent by itself. */
  lastAssignedAt: number | null;
}

/** Whether a row of `users` is somebody who may answer customers. */
export const isActiveAgent = sql<boolean>`users.role in ('agent', 'admin') and users.status = 'active'`;

/** What is kept of agents beside their accounts. Only active accounts of agents and administrators are read. */
export interface Agents {
  /** In the order of their making. */
  list(): Promise<AgentRow[]>;
  find(id: number): Promise<AgentRow | undefined>;
  /** One unit with the claim and the audit entry; false where there is no such agent. */
  setCapacity(
    id: number,
    capacity: number | null,
    at: number,
    claim?: Claim,
    audit?: NewAuditEntry,
  ): Promise<boolean>;
  /** Undefined for one who has never said anything. */
  availabilityOf(id: number): Promise<AgentRow['availability'] | undefined>;
  /** Nothing happens where there is no such agent. */
  setAvailability(id: number, availability: AgentRow['availability']): Promise<void>;
  /** Notes that a conversation was given to the agent by itself. */
  noteAssigned(id: number, at: number): Promise<void>;
}

/** Agents kept in `database`. */
export function createAgents(database: Database, queries: Queries): Agents {
  const claiming = compileClaim(queries);
  const auditing = compileAudit(queries);
  const { all, byId, said } = compileSelects(queries);
  const put = {
    capacity: compilePut(queries, 'capacity'),
    availability: compilePut(queries, 'availability'),
    lastAssignedAt: compilePut(queries, 'last_assigned_at'),
  };
  return {
    list: async () => (await database.read(all)).map((row) => ({ ...row }) as AgentRow),
    async find(id) {
      const [row] = await database.read(withValues(byId, [id]));
      return row && ({ ...row } as AgentRow);
    },
    setCapacity: (id, capacity, at, claim, audit) =>
      accepted(
        database.write([
          ...claiming(claim, at),
          { ...withValues(put.capacity, [capacity, id]), expect: 1 },
          ...auditing(audit),
        ]),
      ),
    async availabilityOf(id) {
      const [row] = await database.read(withValues(said, [id]));
      return row?.availability as AgentRow['availability'] | undefined;
    },
    async setAvailability(id, availability) {
      await database.write([withValues(put.availability, [availability, id])]);
    },
    async noteAssigned(id, at) {
      await database.write([withValues(put.lastAssignedAt, [at, id])]);
    },
  };
}

function compileSelects(queries: Queries) {
  const select = queries
    .selectFrom('users')
    .leftJoin('agents', 'agents.user_id', 'users.id')
    .select(({ fn }) => [
      'users.id',
      agentName('users').as('name'),
      'users.email',
      'users.role',
      'agents.capacity',
      fn.coalesce('agents.availability', sql.lit('online')).as('availability'),
      'agents.last_assigned_at as lastAssignedAt',
    ])
    .where(isActiveAgent);
  return {
    all: compileQuery(select.orderBy('users.id')),
    byId: compileQuery(select.where('users.id', '=', 0)),
    said: compileQuery(queries.selectFrom('agents').select('availability').where('user_id', '=', 0)),
  };
}

/** Sets one column of an agent's row, which is made where it is missing. */
function compilePut(queries: Queries, column: 'capacity' | 'availability' | 'last_assigned_at') {
  const row = queries
    .selectFrom('users')
    .select(({ val }) => ['id', val<number | string | null>(0).as('value')])
    .where(isActiveAgent)
    .where('id', '=', 0);
  return compileStatement(
    queries
      .insertInto('agents')
      .columns(['user_id', column])
      .expression(row)
      .onConflict((conflict) =>
        conflict.column('user_id').doUpdateSet((eb) => ({ [column]: eb.ref(`excluded.${column}`) })),
      ),
  );
}
