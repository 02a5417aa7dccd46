import type { Database, SqlValue } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { sql } from 'kysely';

/** What running answers have said so far; see `Turns`. */
export interface TurnLog {
  append(id: number, start: number, delta: string, fence?: number): Promise<boolean>;
  textOf(id: number): Promise<string>;
}

/** Pieces in one unit at most. */
const maxGathered = 500;

interface Piece {
  id: number;
  start: number;
  delta: string;
  fence: number;
}

/** Pieces that leave together; what follows on what is already there is one piece with it. */
interface Gathering {
  pieces: Piece[];
  /** The last piece of each turn. */
  last: Map<number, Piece>;
  /** Whether none of them is the first of its turn: then they wait a moment for company. */
  patient: boolean;
  /** Resolves to those that were refused. */
  written: Promise<ReadonlySet<Piece>>;
}

export function createTurnLog(database: Database, queries: Queries): TurnLog {
  const insert = compileInsert(queries);
  const byTurn = compileQuery(
    queries.selectFrom('turn_log').select('delta').where('turn_id', '=', 0).orderBy('start'),
  );
  let gathering: Gathering | undefined;

  const begin = (): Gathering => {
    const pieces: Piece[] = [];
    const close = () => {
      if (gathering?.pieces === pieces) gathering = undefined;
    };
    const leave = () => {
      close();
      return pieces.map(({ id, start, delta, fence }) =>
        withValues(insert, [id, start, stored(delta), id, fence]),
      );
    };
    const written = database.write(leave, { patient: true }).then(
      (results) => new Set(pieces.filter((_piece, index) => results[index]?.changes === 0)),
      (error: unknown) => {
        close();
        throw error;
      },
    );
    return { pieces, last: new Map(), patient: true, written };
  };

  return {
    async append(id, start, delta, fence = 1) {
      if (gathering === undefined || gathering.pieces.length >= maxGathered) gathering = begin();
      const { written } = gathering;
      const piece = join(gathering, { id, start, delta, fence });
      if (start === 0 && gathering.patient) {
        gathering.patient = false;
        void hurry(database);
      }
      return !(await written).has(piece);
    },
    async textOf(id) {
      const rows = await database.read(withValues(byTurn, [id]));
      return rows.map(({ delta }) => textIn(delta)).join('');
    },
  };
}

/** Nothing to write, but somebody to wait for it: the batch leaves at the end of this turn of the event loop. */
async function hurry(database: Database): Promise<void> {
  await database.write([]).catch(() => {});
}

/** The piece that is stored, which may be an earlier one that goes on. */
function join({ pieces, last }: Gathering, piece: Piece): Piece {
  const before = last.get(piece.id);
  if (before?.fence === piece.fence && before.start + before.delta.length === piece.start) {
    before.delta += piece.delta;
    return before;
  }
  pieces.push(piece);
  last.set(piece.id, piece);
  return piece;
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

/** Text that begins or ends within a surrogate pair has no UTF-8. */
function stored(delta: string): SqlValue {
  return delta.isWellFormed() ? delta : Buffer.from(delta, 'utf16le');
}

function textIn(delta: string | Uint8Array): string {
  return typeof delta === 'string' ? delta : Buffer.from(delta).toString('utf16le');
}
