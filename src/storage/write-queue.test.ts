import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { StorageError } from './storage-error.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';
import { createWriteQueue } from './write-queue.ts';
import { startWriterThread } from './writer-thread.ts';

async function openQueue(test: TestContext, maxPendingUnits = 1000) {
  const thread = await startWriterThread('sqlite', join(temporaryFolder(test), 'queue.db'));
  const fatal: StorageError[] = [];
  const queue = createWriteQueue({ thread, maxPendingUnits, onFatal: (error) => fatal.push(error) });
  test.after(() => queue.close());
  await queue.write([{ sql: 'CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT', parameters: [] }]);
  return {
    thread,
    queue,
    fatal,
    add: () => queue.write([{ sql: 'INSERT INTO notes DEFAULT VALUES', parameters: [] }]),
  };
}

describe('a full queue', () => {
  it('refuses with `overloaded` and takes writes again when it has emptied', async (test) => {
    const { queue, add, fatal } = await openQueue(test, 10);
    const outcomes = await Promise.allSettled(Array.from({ length: 15 }, add));
    const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'ok'));
    assert.deepEqual(codes, [...Array<string>(10).fill('ok'), ...Array<string>(5).fill('overloaded')]);
    await add();
    assert.deepEqual(fatal, []);
    assert.equal(queue.stats().failedUnits, 5);
  });
});

describe('a late unit that cannot be sent', () => {
  const wrong = () => [{ sql: 'INSERT INTO notes (id) VALUES (?)', parameters: [undefined as never] }];
  const throwing = () => {
    throw new RangeError('no values');
  };

  it('is refused alone, and no other takes its answer for its own', async (test) => {
    const { queue, add, fatal } = await openQueue(test);
    for (const unit of [wrong, throwing]) {
      await assert.rejects(queue.write(unit), { code: 'invalid' });
      const results = await Promise.all([add(), add()]);
      assert.deepEqual(
        results.map(([result]) => result?.changes),
        [1, 1],
      );
      const mixed = await Promise.allSettled([add(), queue.write(unit), add()]);
      assert.deepEqual(
        mixed.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
    }
    assert.deepEqual(fatal, []);
    assert.equal(queue.stats().pending, 0);
  });
});

describe('a writer that dies', () => {
  it('rejects what is waiting and what follows, and is reported once', async (test) => {
    const { thread, queue, add, fatal } = await openQueue(test);
    const pending = Array.from({ length: 5 }, add);
    void thread.terminate();
    for (const outcome of await Promise.allSettled(pending)) {
      assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'unavailable');
    }
    await assert.rejects(add(), { name: 'StorageError', code: 'unavailable' });
    await assert.rejects(queue.flush(), { code: 'unavailable' });
    assert.equal(fatal.length, 1);
    assert.match(fatal[0]?.message ?? '', /ended unexpectedly/);
    assert.equal(queue.stats().pending, 0);
    await queue.close();
    assert.equal(fatal.length, 1);
  });

  it('by an exception is reported with its cause', async (test) => {
    const { thread, add, fatal } = await openQueue(test);
    thread.postMessage(null);
    await assert.rejects(add(), { code: 'unavailable' });
    assert.equal(fatal.length, 1);
    assert.ok(fatal[0]?.cause instanceof TypeError);
  });
});

describe('closing', () => {
  it('settles what is queued, calls back, then ends the thread, without reporting it as a crash', async (test) => {
    const { thread, queue, add, fatal } = await openQueue(test);
    const events: string[] = [];
    const writes = Array.from({ length: 3 }, () => add().then(() => events.push('written')));
    thread.once('exit', () => events.push('ended'));
    await Promise.all([...writes, queue.close(() => events.push('before end'))]);
    assert.deepEqual(events, ['written', 'written', 'written', 'before end', 'ended']);
    assert.deepEqual(fatal, []);
  });
});

describe('starting', () => {
  it('fails with a reason where the file cannot be opened', async (test) => {
    const path = join(temporaryFolder(test), 'missing', 'folder', 'queue.db');
    await assert.rejects(startWriterThread('sqlite', path), { name: 'StorageError', code: 'unavailable' });
  });
});
