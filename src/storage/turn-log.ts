import type { Database, SqlValue } from './database.ts';
import { compileQuery, compileStatement, isPostgres, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { createGatherer } from './gathering.ts';
import { sql } from 'kysely';

/** What running answers have said so far; see `Turns`. */
export interface TurnLog {
  append(id: number, start: number, delta: string, fence?: number): Promise<boolean>;
  textOf(id: number, start?: number): Promise<string>;
  removeLost(limit: number): Promise<number>;
}

interface Piece {
  id: number;
  start: number;
  delta: string;
  fence: number;
}

export function createTurnLog(database: Database, queries: Queries): TurnLog {
  const insert = compileInsert(queries);
  const { kept, given } = isPostgres(queries) ? asJson : asItIs;
  const pieces = queries
    .selectFrom('turn_log')
    .select(['start', 'delta'])
    .where('turn_id', '=', 0)
    .orderBy('start');
  const all = compileQuery(pieces);
  // From the piece on in which the text begins.
  const first = queries
    .selectFrom('turn_log')
    .select(({ fn }) => fn.max('start').as('start'))
    .where('turn_id', '=', 0)
    .where('start', '<=', 0);
  const rest = compileQuery(pieces.where('start', '>=', first));
  const removeLost = compileRemoveLost(queries);
  const gather = createGatherer<Piece, ReadonlySet<Piece>>({
    database,
    statementsOf: (pieces) =>
      pieces.map(({ id, start, delta, fence }) => withValues(insert, [id, start, kept(delta), id, fence])),
    // Those that were refused.
    outcomeOf: (pieces, results) => new Set(pieces.filter((_piece, index) => results[index]?.changes === 0)),
  });

  return {
    async append(id, start, delta, fence = 1) {
      // What follows on a turn's first piece can wait a moment for company.
      const { items, written } = gather(start > 0);
      const piece = { id, start, delta, fence };
      items.push(piece);
      return !(await written).has(piece);
    },
    async textOf(id, start = 0) {
      const rows = await database.read(
        start === 0 ? withValues(all, [id]) : withValues(rest, [id, id, start]),
      );
      const text = rows.map(({ delta }) => given(delta)).join('');
      return text.slice(start - (rows[0]?.start ?? start));
    },
    async removeLost(limit) {
      const [result] = await database.write([withValues(removeLost, [limit])]);
      return result?.changes ?? 0;
    },
  };
}

/**
 * Writes nothing for a turn that has ended meanwhile, and the newer text where the same place is written twice: all turns
 * share the unit, so none may spoil it.
 */
function compileInsert(queries: Queries) {
  const running = queries
    .selectFrom('turns')
    .select([sql<number>`${0}`.as('turn_id'), sql<number>`${0}`.as('start'), sql<string>`${''}`.as('delta')])
    .where('id', '=', 0)
    .where('fence', '=', 0);
  return compileStatement(
    queries
      .insertInto('turn_log')
      .columns(['turn_id', 'start', 'delta'])
      .expression(running)
      .onConflict((conflict) =>
        conflict.columns(['turn_id', 'start']).doUpdateSet((eb) => ({ delta: eb.ref('excluded.delta') })),
      ),
  );
}

/** Looks through all that is logged, which is little: a log ends with its turn. */
function compileRemoveLost(queries: Queries) {
  const lost = queries
    .selectFrom('turn_log')
    .select(['turn_id', 'start'])
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('turns').select('id').whereRef('turns.id', '=', 'turn_log.turn_id'))),
    )
    .limit(0);
  return compileStatement(queries.deleteFrom('turn_log').where(sql<boolean>`(turn_id, start) in ${lost}`));
}

/** How a piece of text is kept. */
interface Form {
  kept(delta: string): SqlValue;
  given(kept: string | Uint8Array): string;
}

/** Text that begins or ends within a surrogate pair has no UTF-8. */
const asItIs: Form = {
  kept: (delta) => (delta.isWellFormed() ? delta : Buffer.from(delta, 'utf16le')),
  given: (delta) => (typeof delta === 'string' ? delta : Buffer.from(delta).toString('utf16le')),
};

/** PostgreSQL's texts have neither half a pair nor U+0000: JSON writes both in ASCII. */
const asJson: Form = {
  kept: (delta) => JSON.stringify(delta),
  given: (delta) => JSON.parse(String(delta)) as string,
};
