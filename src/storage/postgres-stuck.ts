import { connectWriter, endWithin, lockKeys, stuckMs } from './postgres-connection.ts';

/**
 * Who holds the lock for writing and has waited for its client all that time: a batch of which the rest never came. The server itself ends only those
 * whose batch came whole, and those whose network is gone.
 */
const end = `SELECT pg_terminate_backend(holder.pid) FROM pg_locks AS lock JOIN pg_stat_activity AS holder ON holder.pid = lock.pid
  WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 2
    AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND lock.classid = $1::int::oid AND lock.objid = hashtext(current_schema())::oid
    AND holder.wait_event_type = 'Client' AND holder.query_start < clock_timestamp() - $2 * interval '1 millisecond'`;

/** Ends the connection of a node that was stopped, or cut off, while it sent a batch: all others wait for it. Never rejects. */
export async function endStuck(url: string): Promise<void> {
  try {
    const client = await connectWriter(url);
    try {
      await client.query(end, [lockKeys.writing, stuckMs]);
    } finally {
      void endWithin(client);
    }
  } catch {
    // Then nobody can say that it was in vain but who tries again.
  }
}
