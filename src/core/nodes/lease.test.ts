import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openStorage } from '../../storage/storage.ts';
import { temporaryFolder } from '../../storage/temporary-folder.fixture.ts';
import { createRecordedLog } from '../log.fixture.ts';
import { createLease } from './lease.ts';

/** Nodes over one store, whose time a test moves. */
async function createTested(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const storage = await openStorage({ path: join(temporaryFolder(t), 'parley.db') });
  t.after(() => storage.close());
  let time = 1_000_000;
  const open = (node: string) => {
    const told: string[] = [];
    const store = { isAway: false, answers: Promise.resolve() };
    const log = createRecordedLog();
    const lease = createLease({
      rows: {
        async hold(...asked) {
          await store.answers;
          if (store.isAway) throw new Error('the store is away');
          return storage.leases.hold(...asked);
        },
        release: storage.leases.release,
      },
      name: 'it',
      node,
      runtime: { now: () => time, elapsed: () => time },
      log,
      onHeld: () => void told.push('held'),
      onLost: () => void told.push('lost'),
    });
    return { ...lease, told, store, log };
  };
  /** Lets time pass, and what is due in it be done. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 500) {
      time += Math.min(left, 500);
      t.mock.timers.tick(Math.min(left, 500));
      await settle();
    }
  };
  const settle = async () => {
    for (let turns = 0; turns < 3; turns++) {
      await storage.flush();
      await new Promise(setImmediate);
    }
  };
  return { open, pass, settle, jump: (ms: number) => void (time += ms) };
}

describe('a lease', () => {
  it('is held by one node for as long as it likes, and passed on when that ends', async (t) => {
    const { open, pass, settle } = await createTested(t);
    const [one, other] = [open('one'), open('other')];
    one.start();
    await settle();
    other.start();
    await pass(60_000);
    assert.deepEqual([one.told, one.isHeld(), other.told, other.isHeld()], [['held'], true, [], false]);
    await one.stop();
    await pass(2_000);
    assert.deepEqual([one.told, other.told], [['held'], ['held']]);
  });

  it('is another’s within ten seconds where its holder is gone', async (t) => {
    const { open, pass, settle } = await createTested(t);
    const [one, other] = [open('one'), open('other')];
    one.start();
    await settle();
    other.start();
    one.store.answers = new Promise(() => {});
    await pass(8_000);
    assert.deepEqual([other.told, other.isHeld()], [['held'], true]);
  });

  it('is lost to its holder before another can have it, where it cannot be renewed', async (t) => {
    const { open, pass, settle } = await createTested(t);
    const [one, other] = [open('one'), open('other')];
    one.start();
    await settle();
    other.start();
    one.store.isAway = true;
    await pass(5_000);
    assert.deepEqual([one.told, other.told], [['held'], []]);
    await pass(500);
    assert.deepEqual([one.told, other.told], [['held', 'lost'], []]);
    assert.equal(one.log.lines.length, 1);
    await pass(2_500);
    assert.deepEqual(other.told, ['held']);
    one.store.isAway = false;
    await pass(10_000);
    assert.deepEqual([one.told, other.told], [['held', 'lost'], ['held']]);
  });

  it('is lost to one who slept through its end, whoever looks first', async (t) => {
    const { open, settle, jump } = await createTested(t);
    const one = open('one');
    one.start();
    await settle();
    jump(5_500);
    assert.deepEqual([one.isHeld(), one.told], [false, ['held', 'lost']]);
  });

  it('is not held whose answer comes too late', async (t) => {
    const { open, pass, settle } = await createTested(t);
    const one = open('one');
    const answer = Promise.withResolvers<void>();
    one.store.answers = answer.promise;
    one.start();
    await pass(5_500);
    one.store.answers = new Promise(() => {});
    answer.resolve();
    await settle();
    assert.deepEqual([one.isHeld(), one.told], [false, []]);
  });

  it('that was given back while it was asked for is nobody’s', async (t) => {
    const { open, pass, settle } = await createTested(t);
    const [one, other] = [open('one'), open('other')];
    const answer = Promise.withResolvers<void>();
    one.store.answers = answer.promise;
    one.start();
    const stopped = one.stop();
    answer.resolve();
    await stopped;
    other.start();
    await settle();
    await pass(10);
    assert.deepEqual([one.told, other.told], [[], ['held']]);
  });
});
