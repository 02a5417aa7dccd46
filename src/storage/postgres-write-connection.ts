import { connectWriter, endWithin, lockKeys, takeLock } from './postgres-connection.ts';
import { failureOfPostgres, isOfUnit, wentDownInOrder } from './postgres-errors.ts';
import { createPipeline } from './postgres-pipeline.ts';
import type { Pipeline, WireResult, WireStatement } from './postgres-pipeline.ts';
import type { UnitFailure } from './writer-protocol.ts';

/** A statement of a unit, with how many rows it must change (-1: any). */
export interface UnitStatement extends WireStatement {
  expect: number;
}

export type Unit = readonly UnitStatement[];

/** What became of a unit: its statements' results, or why it was rolled back. */
export type Outcome = WireResult[] | Omit<UnitFailure, 'unit'>;

/** A connection that writes. */
export interface WriteConnection {
  /** All units in one transaction, in their order, without those that fail. Throws where nothing of it was stored, or `UnansweredCommit`. */
  write(units: readonly Unit[]): Promise<Outcome[]>;
  /** Prepared statements are forgotten. */
  forget(): Promise<void>;
  end(): Promise<void>;
}

/** The connection was lost while a transaction was committed: only its number tells what became of it. */
export class UnansweredCommit extends Error {
  override readonly name = 'UnansweredCommit';
  readonly transaction: string;
  readonly outcomes: Outcome[];

  constructor(transaction: string, outcomes: Outcome[], cause: unknown) {
    super('the connection was lost before the commit was answered', { cause });
    this.transaction = transaction;
    this.outcomes = outcomes;
  }
}

/**
 * Some rows come and go by the thousand a second (what is set aside for calls, say). An index that is walked passes over those that are gone once; one that
 * is made a bitmap of does so each time, until a vacuum comes by.
 */
const noBitmaps = 'SET enable_bitmapscan = off';

/** A node that vanishes in the middle of a batch is noticed by the server, which lets its lock go. */
const noticeWhoVanished = `SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 5; SET tcp_user_timeout = 10000`;

export async function openWriteConnection(url: string): Promise<WriteConnection> {
  const client = await connectWriter(url);
  try {
    await client.query(`${noBitmaps}; ${noticeWhoVanished}`);
  } catch (thrown) {
    void endWithin(client);
    throw thrown;
  }
  const pipeline = createPipeline(client);
  return {
    write: (units) => write(pipeline, units),
    forget: () => pipeline.forget(),
    end: () => endWithin(client),
  };
}

const statement = (sql: string, ...parameters: number[]): WireStatement => ({ sql, parameters });
const opening = [
  statement('BEGIN'),
  statement(takeLock, lockKeys.writing),
  statement('SELECT pg_current_xact_id()::text AS number'),
];
const savepoint = statement('SAVEPOINT unit');
const keeping = [statement('RELEASE unit')];
const undoing = [statement('ROLLBACK TO unit'), ...keeping];

async function write(pipeline: Pipeline, units: readonly Unit[]): Promise<Outcome[]> {
  const first = await attempt(pipeline, opening, units);
  const { transaction, outcomes } =
    first.failing === undefined
      ? { transaction: numberIn(first.before), outcomes: first.results }
      : await writeWithout(pipeline, units, first.failing);
  const { results, failed } = await pipeline.run([statement('COMMIT')]);
  if (failed !== undefined) throw new UnansweredCommit(transaction, outcomes, failed);
  if (results.length === 0) throw new Error('PostgreSQL did not commit');
  return outcomes;
}

interface Failing {
  /** Position among the units that were tried. */
  at: number;
  failure: Omit<UnitFailure, 'unit'>;
}

interface Attempt {
  /** Of the statements before the units'. */
  before: WireResult[];
  /** Of the units, where none is failing. */
  results: WireResult[][];
  failing: Failing | undefined;
}

/** Runs the units at once, to find that all go well, or the first that fails. Throws where the whole transaction failed. */
async function attempt(
  pipeline: Pipeline,
  before: readonly WireStatement[],
  units: readonly Unit[],
): Promise<Attempt> {
  const { results, failed } = await pipeline.run([...before, ...units.flat()]);
  if (failed !== undefined && (results.length < before.length || !isOfUnit(failed))) throw failed;
  let at = before.length;
  const byUnit = units.map((unit) => results.slice(at, (at += unit.length)));
  const found = { before: results.slice(0, before.length), results: byUnit };
  for (const [position, unit] of units.entries()) {
    const done = byUnit[position] ?? [];
    const message = unexpected(unit, done);
    if (message !== undefined)
      return { ...found, failing: { at: position, failure: { code: 'conflict', message } } };
    if (done.length < unit.length && failed !== undefined) {
      return { ...found, failing: { at: position, failure: failureOfPostgres(failed) } };
    }
  }
  return { ...found, failing: undefined };
}

/** After a unit that failed so many are tried at first; a batch in which many fail is not run as often as they are. */
const fewTogether = 8;

/** Begins anew, and leaves out whatever fails: what lies between two failing units is written at once. */
async function writeWithout(pipeline: Pipeline, units: readonly Unit[], first: Failing) {
  await must(pipeline, [statement('ROLLBACK')]);
  const [, , numbered] = await must(pipeline, opening);
  const outcomes: Outcome[] = [];
  let failing: Failing | undefined = first;
  let together = fewTogether;
  let before: WireStatement[] = [];
  while (outcomes.length < units.length) {
    const from = outcomes.length;
    const tried: Attempt = await attempt(
      pipeline,
      [...before, savepoint],
      units.slice(from, failing?.at ?? from + together),
    );
    if (tried.failing !== undefined) {
      failing = { ...tried.failing, at: from + tried.failing.at };
      before = undoing;
      continue;
    }
    before = keeping;
    outcomes.push(...tried.results);
    together = failing === undefined ? together * 2 : fewTogether;
    if (failing !== undefined) outcomes.push(failing.failure);
    failing = undefined;
  }
  return { transaction: numberIn([numbered]), outcomes };
}

async function must(pipeline: Pipeline, statements: readonly WireStatement[]): Promise<WireResult[]> {
  const { results, failed } = await pipeline.run(statements);
  if (failed !== undefined) throw failed;
  return results;
}

function numberIn(results: readonly (WireResult | undefined)[]): string {
  return String(results.at(-1)?.rows?.[0]?.['number']);
}

/** Why the unit is not to be stored though its statements went well; undefined where it is. */
function unexpected(unit: Unit, results: readonly WireResult[]): string | undefined {
  for (const [at, { changes }] of results.entries()) {
    const { expect, sql } = unit[at] as UnitStatement;
    if (expect !== -1 && changes !== expect) return `${changes} rows changed instead of ${expect}: ${sql}`;
  }
  return undefined;
}

/** How long it is tried to find out what became of a transaction, and how often. */
const findOutMs = 5_000;
const findOutEveryMs = 100;

/** What became of a transaction: `unknown` where the database cannot be asked in time, or may answer about another one. */
export type Fate = 'committed' | 'aborted' | 'unknown';

/**
 * What became of the transaction whose commit was not answered. A server that crashed may have lost it and given its number to another since, as may one
 * that took the place of a lost one: that a number was committed counts where the server was there all the time, or went down in good order.
 */
export async function fateOf(url: string, { transaction, cause }: UnansweredCommit): Promise<Fate> {
  let isSame = true;
  for (const until = performance.now() + findOutMs; performance.now() < until;) {
    try {
      const status = await statusOf(url, transaction);
      if (status === 'aborted') return 'aborted';
      if (status !== 'in progress') {
        return status === 'committed' && (isSame || wentDownInOrder(cause)) ? 'committed' : 'unknown';
      }
    } catch {
      isSame = false;
    }
    await new Promise((resolve) => setTimeout(resolve, findOutEveryMs));
  }
  return 'unknown';
}

async function statusOf(url: string, transaction: string): Promise<string | null | undefined> {
  const client = await connectWriter(url);
  try {
    const { rows } = await client.query<{ status: string | null }>(
      'SELECT pg_xact_status($1::xid8) AS status',
      [transaction],
    );
    return rows[0]?.status;
  } finally {
    void endWithin(client);
  }
}
