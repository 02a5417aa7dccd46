import { Client } from 'pg';
import type { Query, SqlRow } from './database.ts';
import { clientConfig, readTimeoutMs } from './postgres-connection.ts';
import { failureOfPostgres, isOfUnit } from './postgres-errors.ts';
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

interface Reading {
  query: Query<unknown>;
  resolve: (rows: SqlRow[]) => void;
  reject: (error: StorageError) => void;
}

interface Reader {
  client: Client;
  pipeline: Pipeline;
}

interface State {
  url: string;
  waiting: Reading[];
  scheduled: boolean;
  idle: Reader[];
  /** Connections, made or being made. */
  connections: number;
  /** Batches on their way. */
  running: number;
  closed: boolean;
  /** For who waits until nothing runs. */
  settled: PromiseWithResolvers<void> | undefined;
}

/**
 * Reads that come up in one turn of the event loop share a round trip where that saves one; a connection that breaks fails the reads on it, and
 * is replaced by the next.
 */
export function createPostgresReader(url: string): PostgresReader {
  const state: State = {
    url,
    waiting: [],
    scheduled: false,
    idle: [],
    connections: 0,
    running: 0,
    closed: false,
    settled: undefined,
  };
  return {
    read<Row = SqlRow>(query: Query<Row>) {
      if (state.closed) return Promise.reject(new StorageError('unavailable', 'The database is closed'));
      const { promise, resolve, reject } = Promise.withResolvers<SqlRow[]>();
      state.waiting.push({ query, resolve, reject });
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
      await Promise.all(state.idle.splice(0).map(({ client }) => client.end()));
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
    const free = state.idle.length + mostConnections - state.connections;
    if (free === 0) return;
    const share = Math.min(mostTogether, Math.max(4, Math.ceil(state.waiting.length / free)));
    void run(state, state.waiting.splice(0, share));
  }
  if (state.running === 0) state.settled?.resolve();
}

async function run(state: State, readings: readonly Reading[]): Promise<void> {
  state.running++;
  const known = state.idle.pop();
  if (known === undefined) state.connections++;
  try {
    const reader = known ?? (await connect(state.url));
    if (await readAll(state, reader, readings)) state.idle.push(reader);
    else {
      state.connections--;
      reader.client.end().catch(() => {});
    }
  } catch (thrown) {
    state.connections--;
    for (const { reject } of readings) reject(errorOf(thrown));
  }
  state.running--;
  dispatch(state);
}

/** False where the connection is of no use any more. */
async function readAll(state: State, { pipeline }: Reader, readings: readonly Reading[]): Promise<boolean> {
  const { results, failed } = await pipeline.run(readings.map(({ query }) => query));
  for (const [at, { resolve }] of readings.slice(0, results.length).entries()) {
    resolve(results[at]?.rows ?? []);
  }
  if (failed !== undefined) {
    const [failing, ...others] = readings.slice(results.length);
    if (!isOfUnit(failed)) {
      for (const { reject } of [failing, ...others].filter((one) => one !== undefined))
        reject(errorOf(failed));
      return false;
    }
    failing?.reject(errorOf(failed));
    // They were not run, for no fault of theirs.
    state.waiting.unshift(...others);
  }
  if (pipeline.prepared() > mostPrepared) await pipeline.forget();
  return true;
}

async function connect(url: string): Promise<Reader> {
  const client = new Client({
    ...clientConfig(url),
    statement_timeout: readTimeoutMs,
    query_timeout: readTimeoutMs + 1_000,
  });
  // Whoever uses the connection is told by its own failure.
  client.on('error', () => {});
  try {
    await client.connect();
    return { client, pipeline: createPipeline(client) };
  } catch (thrown) {
    client.end().catch(() => {});
    throw thrown;
  }
}

function errorOf(thrown: unknown): StorageError {
  return storageErrorOf(failureOfPostgres(thrown), thrown);
}
