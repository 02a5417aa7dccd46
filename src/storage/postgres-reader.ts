import { Client } from 'pg';
import type { Query, SqlRow } from './database.ts';
import { clientConfig, endWithin, readTimeoutMs } from './postgres-connection.ts';
import { failureOfPostgres, isCancelled, isLost, isOfUnit } from './postgres-errors.ts';
import { createPipeline } from './postgres-pipeline.ts';
import type { Pipeline } from './postgres-pipeline.ts';
import { storageErrorOf } from './sqlite-errors.ts';
import { StorageError } from './storage-error.ts';

/** Runs queries on a pool of connections. */
export interface PostgresReader {
  read<Row = SqlRow>(query: Query<Row>): Promise<Row[]>;
  close(): Promise<void>;
}

/** Connections at most, and reads that share a round trip on one of them: what is asked for beyond waits. */
const mostConnections = 10;
const mostTogether = 16;
/** Prepared statements kept on a connection at most; beyond it all are forgotten and the frequent ones come back by themselves. */
const mostPrepared = 512;
/** For so long no connection is asked for beside those that there are, after one was refused. */
const refusedMs = 1_000;

interface Reading {
  /** Whether it was on a connection that was lost: it is tried once more. */
  again: boolean;
  query: Query<unknown>;
  resolve: (rows: SqlRow[]) => void;
  reject: (error: StorageError) => void;
}

interface Reader {
  client: Client;
  pipeline: Pipeline;
  isOver: boolean;
}

interface State {
  url: string;
  waiting: Reading[];
  scheduled: boolean;
  idle: Reader[];
  /** Connections, made or being made. */
  connections: number;
  /** When the last one was refused, by `performance.now`. */
  refusedAt: number;
  /** Batches on their way. */
  running: number;
  closed: boolean;
  /** For who waits until nothing runs. */
  settled: PromiseWithResolvers<void> | undefined;
}

/**
 * Reads that come up in one turn of the event loop share a round trip where that saves one; those on a connection that breaks are tried once more on
 * another. Where no connection is to be had, all that wait fail.
 */
export function createPostgresReader(url: string): PostgresReader {
  const state: State = {
    url,
    waiting: [],
    scheduled: false,
    idle: [],
    connections: 0,
    refusedAt: -refusedMs,
    running: 0,
    closed: false,
    settled: undefined,
  };
  return {
    read<Row = SqlRow>(query: Query<Row>) {
      if (state.closed) return Promise.reject(new StorageError('unavailable', 'The database is closed'));
      const { promise, resolve, reject } = Promise.withResolvers<SqlRow[]>();
      state.waiting.push({ again: false, query, resolve, reject });
      schedule(state);
      return promise as Promise<Row[]>;
    },
    async close() {
      if (state.closed) return;
      state.closed = true;
      if (state.running > 0 || state.waiting.length > 0) {
        state.settled = Promise.withResolvers();
        await state.settled.promise;
      }
      await Promise.all(state.idle.splice(0).map(({ client }) => endWithin(client)));
    },
  };
}

function schedule(state: State): void {
  if (state.scheduled) return;
  state.scheduled = true;
  setImmediate(() => {
    state.scheduled = false;
    dispatch(state);
  });
}

/** Gives what waits to connections: as many as there are, each a fair share. */
function dispatch(state: State): void {
  while (state.waiting.length > 0) {
    const mayConnect = state.connections === 0 || performance.now() >= state.refusedAt + refusedMs;
    const free = state.idle.length + (mayConnect ? mostConnections - state.connections : 0);
    if (free === 0) return;
    const share = Math.min(mostTogether, Math.max(4, Math.ceil(state.waiting.length / free)));
    void run(state, state.waiting.splice(0, share));
  }
  if (state.running === 0) state.settled?.resolve();
}

async function run(state: State, readings: readonly Reading[]): Promise<void> {
  state.running++;
  const reader = state.idle.pop() ?? (await connect(state, readings));
  if (reader !== undefined) {
    if ((await readAll(state, reader, readings)) && !reader.isOver) state.idle.push(reader);
    else retire(state, reader);
  }
  state.running--;
  dispatch(state);
}

function retire(state: State, { client }: Reader): void {
  state.connections--;
  void endWithin(client);
}

/** False where the connection is of no use any more. */
async function readAll(state: State, { pipeline }: Reader, readings: readonly Reading[]): Promise<boolean> {
  const { results, failed } = await pipeline.run(readings.map(({ query }) => query));
  for (const [at, { resolve }] of readings.slice(0, results.length).entries()) {
    resolve(results[at]?.rows ?? []);
  }
  if (failed !== undefined && !settleFailed(state, readings.slice(results.length), failed)) return false;
  if (pipeline.prepared() <= mostPrepared) return true;
  return pipeline.forget().then(
    () => true,
    () => false,
  );
}

/** False where it is the connection that failed. */
function settleFailed(state: State, [failing, ...others]: readonly Reading[], failed: Error): boolean {
  if (failing === undefined) return false;
  if (isOfUnit(failed) || isCancelled(failed)) {
    failing.reject(errorOf(failed));
    // They were not run, for no fault of theirs.
    state.waiting.unshift(...others);
    return true;
  }
  const all = [failing, ...others];
  const again = isLost(failed) ? all.filter((one) => !one.again) : [];
  for (const one of all) if (!again.includes(one)) one.reject(errorOf(failed));
  for (const one of again) one.again = true;
  state.waiting.unshift(...again);
  // What befell one has befallen the others, as a rule.
  for (const idle of again.length > 0 ? state.idle.splice(0) : []) retire(state, idle);
  return false;
}

/** To compile a query takes longer than any of ours should run; the planner may guess otherwise. */
const noCompiling = 'SET jit = off';

/** A new connection for these reads; undefined where there is none, and they were told so or wait for another. */
async function connect(state: State, readings: readonly Reading[]): Promise<Reader | undefined> {
  state.connections++;
  const client = new Client({
    ...clientConfig(state.url),
    statement_timeout: readTimeoutMs,
    query_timeout: readTimeoutMs + 1_000,
  });
  const reader: Reader = { client, pipeline: createPipeline(client), isOver: false };
  // Whoever uses the connection is told by its own failure.
  client.on('error', () => {});
  client.once('end', () => leave(state, reader));
  try {
    await client.connect();
    await client.query(noCompiling);
    return reader;
  } catch (thrown) {
    retire(state, reader);
    refuse(state, readings, thrown);
    return undefined;
  }
}

/** A connection that ended while nobody used it is used by nobody. */
function leave(state: State, reader: Reader): void {
  reader.isOver = true;
  const at = state.idle.indexOf(reader);
  if (at === -1) return;
  state.idle.splice(at, 1);
  state.connections--;
}

/** No further connection is to be had: what there are must do. Where there is none, nothing can be read. */
function refuse(state: State, readings: readonly Reading[], thrown: unknown): void {
  state.waiting.unshift(...readings);
  state.refusedAt = performance.now();
  if (state.connections > 0) return;
  for (const { reject } of state.waiting.splice(0)) reject(errorOf(thrown));
}

function errorOf(thrown: unknown): StorageError {
  return storageErrorOf(failureOfPostgres(thrown), thrown);
}
