import type { Duplex } from 'node:stream';
import { Client, type ClientConfig } from 'pg';
import { StorageError } from './storage-error.ts';

/** How long a connection may take to be made, milliseconds. */
export const connectTimeoutMs = 3_000;
/** A read that takes longer is given up. */
export const readTimeoutMs = 10_000;
/** A statement of a batch may take so long. */
const writeTimeoutMs = 10_000;
/** A node that was stopped in the middle of a batch holds up all others for little more than that: see `endStuck`. */
export const stuckMs = 3_000;

/** The oldest version that has all that is used, as `server_version_num` has it. */
const oldestVersion = 13_00_00;

/** Numbers come as numbers, truth as 0 and 1, bytes as bytes; all else as text. */
const parsers = new Map<number, (value: string) => unknown>([
  [16, (value) => (value === 't' ? 1 : 0)],
  [17, (value) => new Uint8Array(Buffer.from(value.slice(2), 'hex'))],
  ...[20, 21, 23, 26, 700, 701, 1700].map((oid) => [oid, Number] as const),
]);
const asText = (value: string) => value;

export function parserOf(oid: number): (value: string) => unknown {
  return parsers.get(oid) ?? asText;
}

/** What all connections share. */
export function clientConfig(url: string): ClientConfig {
  return {
    connectionString: url,
    application_name: 'parley',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: { getTypeParser: (oid: number) => parserOf(oid) as never },
  };
}

/** A connection for writing, with what bounds it. */
export async function connectWriter(url: string, further: ClientConfig = {}): Promise<Client> {
  const client = new Client({
    ...clientConfig(url),
    statement_timeout: writeTimeoutMs,
    lock_timeout: stuckMs + 500,
    query_timeout: writeTimeoutMs + 1_000,
    idle_in_transaction_session_timeout: stuckMs,
    ...further,
  });
  // Whoever uses the connection is told by its own failure.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (thrown) {
    void endWithin(client);
    throw thrown;
  }
}

/** A connection that hangs would not say goodbye. */
const goodbyeMs = 1_000;

/** Ends a connection, whatever state it is in, within a second; never rejects. */
export async function endWithin(client: Client): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, goodbyeMs);
  await Promise.race([client.end().catch(() => {}), late]);
  clearTimeout(timer);
  // Else it would keep its thread, or the process, from ending.
  (client as unknown as { connection: { stream: Duplex } }).connection.stream.destroy();
}

/** Throws `StorageError` where this is no database that Parley can work with. */
export async function refuseUnsuitable(client: Client): Promise<void> {
  const { rows } = await client.query<{
    version: number;
    encoding: string;
    schema: string | null;
    name: string;
  }>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
      current_schema() AS schema, current_database() AS name`,
  );
  const [found] = rows;
  if (found === undefined) return;
  const { version, encoding, schema, name } = found;
  if (version < oldestVersion) {
    throw new StorageError(
      'unavailable',
      `PostgreSQL 13 or newer is needed; the server says that it is ${Math.floor(version / 10_000)}.`,
    );
  }
  if (encoding !== 'UTF8') {
    throw new StorageError(
      'unavailable',
      `The database ${name} has the encoding ${encoding}; Parley needs UTF8.`,
    );
  }
  if (schema === null) {
    throw new StorageError(
      'unavailable',
      `The database ${name} has no schema for Parley's tables: its search_path names none that exists.`,
    );
  }
}

/** The numbers of the locks that all nodes of one schema share; Parley's own, unlikely to be anybody else's. */
export const lockKeys = { writing: 0x9a41e7, migrating: 0x9a41e8 } as const;

/** Takes a lock until the transaction ends. `$1` is one of `lockKeys`. */
export const takeLock = `SELECT pg_advisory_xact_lock($1::int, hashtext(current_schema()))`;
