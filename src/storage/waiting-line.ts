import { sql } from 'kysely';
import type { Database } from './database.ts';
import { compileQuery } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** A conversation that waits for a person. */
export interface Waiting {
  id: number;
  userId: number | null;
  ownerFence: number;
}

/** The conversations that wait for a person: urgent ones first, then who has waited longest. */
export interface WaitingLine {
  first(): Promise<Waiting | undefined>;
}

export function createWaitingLine(database: Database, queries: Queries): WaitingLine {
  const longest = queries
    .selectFrom('conversations')
    .select(['id', 'user_id as userId', 'owner_fence as ownerFence'])
    .where('status', '=', sql.lit('pending'))
    .orderBy('waiting_since')
    .orderBy('id')
    .limit(sql.lit(1));
  const first = compileQuery(longest);
  const firstUrgent = compileQuery(longest.where('priority', '=', sql.lit('urgent')));
  return {
    async first() {
      const [urgent] = await database.read(firstUrgent);
      return urgent ?? (await database.read(first))[0];
    },
  };
}
