import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';

/** What every kind of storage must do with leases; `prepare` as in `storageSuite`. */
export function leasesSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function openOne(test: TestContext): Promise<Storage> {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    return storage;
  }

  describe(`${kind}: a lease`, () => {
    it('is one node’s until its time is over', async (test) => {
      const { leases } = await openOne(test);
      assert.equal(await leases.hold('retention', 'one', 100, 200), true);
      assert.equal(await leases.hold('retention', 'two', 199, 300), false);
      assert.equal(await leases.hold('retention', 'two', 200, 300), true);
      assert.equal(await leases.hold('retention', 'one', 250, 400), false);
    });

    it('is prolonged by the node that has it', async (test) => {
      const { leases } = await openOne(test);
      assert.equal(await leases.hold('retention', 'one', 100, 200), true);
      assert.equal(await leases.hold('retention', 'one', 150, 300), true);
      assert.equal(await leases.hold('retention', 'two', 250, 400), false);
    });

    it('is given back by the node that has it, and by no other', async (test) => {
      const { leases } = await openOne(test);
      await leases.release('retention', 'one');
      await leases.hold('retention', 'one', 100, 200);
      await leases.release('retention', 'two');
      assert.equal(await leases.hold('retention', 'two', 150, 300), false);
      await leases.release('retention', 'one');
      assert.equal(await leases.hold('retention', 'two', 150, 300), true);
    });

    it('says nothing about one of another name', async (test) => {
      const { leases } = await openOne(test);
      assert.equal(await leases.hold('retention', 'one', 100, 200), true);
      assert.equal(await leases.hold('webhooks', 'two', 100, 200), true);
    });

    it('goes to one of many that ask at once', async (test) => {
      const { leases } = await openOne(test);
      const asked = Array.from({ length: 20 }, (_, index) =>
        leases.hold('retention', `node ${index}`, 100, 200),
      );
      assert.equal((await Promise.all(asked)).filter(Boolean).length, 1);
    });
  });
}
