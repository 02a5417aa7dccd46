/**
 * Throughput of the store alone: `node bench/storage.ts [seconds]`. Each line runs a closed loop of clients for some seconds on
 * a fresh file in the temporary folder, which should be on the disk that matters. CPU is that of the main thread, which is
 * what requests compete for; the writer has a thread of its own.
 */
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newCall, newEntry, newKey } from '../src/storage/sample-rows.fixture.ts';
import { openSqliteDatabase } from '../src/storage/sqlite-database.ts';
import { openStorage, type Storage } from '../src/storage/storage.ts';

const seconds = Number(process.argv[2] ?? 3);
const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
const print = (line: string) => process.stdout.write(`${line}\n`);

interface Counters {
  units: number;
  transactions: number;
}

function percentile(sorted: number[], share: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(3);
}

async function closedLoop(
  name: string,
  clients: number,
  stats: () => Counters,
  once: (i: number) => Promise<unknown>,
) {
  const before = stats();
  const cpu = process.threadCpuUsage();
  const start = performance.now();
  const end = start + seconds * 1000;
  const latencies: number[] = [];
  let next = 0;
  const client = async () => {
    while (performance.now() < end) {
      const begun = performance.now();
      await once(next++);
      latencies.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const elapsed = (performance.now() - start) / 1000;
  const used = process.threadCpuUsage(cpu);
  const after = stats();
  latencies.sort((a, b) => a - b);
  const transactions = after.transactions - before.transactions;
  print(
    `${name.padEnd(34)} ${String(clients).padStart(5)} clients  ${Math.round(next / elapsed)
      .toString()
      .padStart(7)}/s  ` +
      `p50 ${percentile(latencies, 0.5)} ms  p99 ${percentile(latencies, 0.99)} ms  ` +
      `main CPU ${((used.user + used.system) / next).toFixed(1)} µs each  ` +
      `${transactions === 0 ? '' : `${(next / transactions).toFixed(1)} per transaction`}`,
  );
}

function fsyncBaseline(): void {
  const file = openSync(join(folder, 'fsync'), 'w');
  const page = new Uint8Array(4096);
  const start = performance.now();
  let count = 0;
  for (; performance.now() - start < 1000; count++) {
    writeSync(file, page);
    fsyncSync(file);
  }
  closeSync(file);
  print(`write of 4 KiB and fsync: ${(1000 / count).toFixed(3)} ms`);
}

async function benchUnits(): Promise<void> {
  const database = await openSqliteDatabase({ path: join(folder, 'units.db') });
  const table = 'CREATE TABLE notes (id INTEGER PRIMARY KEY, a TEXT, b INTEGER, c TEXT) STRICT';
  const sums = 'CREATE TABLE sums (key TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID';
  await database.write([table, sums].map((sql) => ({ sql, parameters: [] })));
  const insert = 'INSERT INTO notes (a, b, c) VALUES (?, ?, ?)';
  const add = 'INSERT INTO sums VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n';
  for (const clients of [1, 32, 256, 4000]) {
    await closedLoop(
      'unit of two small statements',
      clients,
      () => database.stats(),
      (i) =>
        database.write([
          { sql: insert, parameters: [`text ${i}`, i, 'more'] },
          { sql: add, parameters: [`key ${i % 20}`, 1] },
        ]),
    );
  }
  await closedLoop(
    'round trip without fsync',
    1,
    () => database.stats(),
    () => database.write([{ sql: 'SELECT 1 AS one', parameters: [] }]),
  );
  await database.close();
}

async function benchStorage(): Promise<void> {
  const storage = await openStorage({ path: join(folder, 'parley.db') });
  await benchNounWrites(storage);
  await benchNounReads(storage);
  await storage.close();
}

async function benchNounWrites(storage: Storage): Promise<void> {
  for (const clients of [1, 32, 256, 4000]) {
    await closedLoop(
      'apiCalls.record',
      clients,
      () => storage.stats(),
      (i) =>
        storage.apiCalls.record(
          newCall({
            owner: `key:${i % 50}`,
            apiKeyId: i % 50,
            requestId: `req_${i}`,
            at: 1_790_000_000_000 + i,
          }),
        ),
    );
  }
  await closedLoop(
    'cacheEntries.put (1 KiB vector)',
    32,
    () => storage.stats(),
    (i) =>
      storage.cacheEntries.put(
        newEntry({ exactKey: `exact ${i}`, answer: 'x'.repeat(1500), embedding: new Uint8Array(1024) }),
        0,
      ),
  );
  await closedLoop(
    'cacheEntries.touch of 100',
    32,
    () => storage.stats(),
    (i) =>
      storage.cacheEntries.touch(
        Array.from({ length: 100 }, (_, j) => (i * 37 + j) % 10_000),
        2000 + i,
      ),
  );
}

async function benchNounReads(storage: Storage): Promise<void> {
  await storage.apiKeys.create(newKey());
  await closedLoop(
    'apiKeys.findByHash',
    1,
    () => storage.stats(),
    () => storage.apiKeys.findByHash('hash-1'),
  );
  await closedLoop(
    'apiCalls.list of 50 for one key',
    1,
    () => storage.stats(),
    (i) => storage.apiCalls.page({ owner: `key:${i % 50}` }, { skip: i, limit: 50 }),
  );
  await closedLoop(
    'apiCalls.totals by day',
    1,
    () => storage.stats(),
    () => storage.apiCalls.totals({}, ['day', 'outcome']),
  );
  await closedLoop(
    'check',
    1,
    () => storage.stats(),
    () => storage.check(),
  );
}

try {
  fsyncBaseline();
  await benchUnits();
  await benchStorage();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
