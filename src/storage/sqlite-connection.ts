import { DatabaseSync } from 'node:sqlite';

/** How long a statement waits for a lock that another process holds, in milliseconds. */
export const busyTimeoutMs = 5000;

/** Pages (of 4 KiB) in the write-ahead log that trigger a checkpoint: 16 MiB. */
const checkpointPages = 4096;

/** Opens `path` for writing: WAL, synced on every commit, foreign keys enforced. */
export function openWriteConnection(path: string): DatabaseSync {
  const connection = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
  try {
    connection.exec('PRAGMA journal_mode = WAL');
    connection.exec('PRAGMA synchronous = FULL');
    connection.exec('PRAGMA temp_store = MEMORY');
    connection.exec('PRAGMA cache_size = -16384');
    connection.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
    connection.exec('PRAGMA journal_size_limit = 67108864');
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}

/** Opens `path` for reading only; the file must exist. */
export function openReadConnection(path: string): DatabaseSync {
  const connection = new DatabaseSync(path, { timeout: busyTimeoutMs, readOnly: true });
  connection.exec('PRAGMA temp_store = MEMORY');
  connection.exec('PRAGMA cache_size = -16384');
  return connection;
}
