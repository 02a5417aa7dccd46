import type { Database } from './database.ts';
import { compileQuery, compileStatement } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { StorageError } from './storage-error.ts';

/** Proves that the database takes a write and gives it back; rejects with `StorageError` where it does not. */
export function createReadinessCheck(database: Database, queries: Queries): () => Promise<void> {
  const count = compileStatement(
    queries
      .updateTable('readiness')
      .set(({ eb }) => ({ counter: eb('counter', '+', 1) }))
      .returning('counter'),
    1,
  );
  const current = compileQuery(queries.selectFrom('readiness').select('counter'));
  return async () => {
    const [written] = await database.write([count]);
    const [read] = await database.read(current);
    // Checks at the same time, from here or from another process, may have counted on.
    if (Number(read?.counter) >= Number(written?.rows[0]?.['counter'])) return;
    throw new StorageError('unavailable', 'A committed write could not be read back');
  };
}
