import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type Attempt, type NewDelivery } from './webhook-deliveries.ts';
import type { StorageUnderTest } from './storage.suite.ts';

const webhook = {
  url: 'https://shop.example/',
  description: '',
  events: ['message.created'],
  enabled: true,
  secret: 'whsec_AAAA',
  cursor: 5,
  createdBy: 1,
  createdAt: 1000,
};

const told = (eventId: string, conversationId = 1): NewDelivery => ({
  eventId,
  type: 'message.created',
  conversationId,
  payload: `{"id":"${eventId}"}`,
});

export function webhookDeliveriesSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function createTested(t: TestContext) {
    const storage = await prepare(t).open();
    t.after(() => storage.close());
    const { webhooks, webhookDeliveries: deliveries } = storage;
    const id = await webhooks.create(webhook);
    const dueAt = async (at: number) => (await deliveries.due(id, at, 10)).map(({ eventId }) => eventId);
    const settle = async (eventId: string, state: Attempt['state'], more: Partial<Attempt> = {}) => {
      const { deliveries: all } = await deliveries.list(id, { skip: 0, limit: 100 });
      const delivery = all.find((one) => one.eventId === eventId) ?? assert.fail();
      const error = state === 'delivered' ? null : 'It answered 500.';
      await deliveries.settle({ delivery, state, nextAt: 0, statusCode: 500, error, at: 3000, ...more });
    };
    return { webhooks, deliveries, id, dueAt, settle };
  }

  describe(`${kind}: deliveries`, () => {
    it('are stored with the cursor, once each', async (t) => {
      const { webhooks, deliveries, id, dueAt } = await createTested(t);
      assert.equal(await deliveries.collect(id, { from: 5, to: 8 }, [told('a'), told('b', 2)], 2000), true);
      assert.equal(
        await deliveries.collect(id, { from: 5, to: 9 }, [told('c')], 2000),
        false,
        'another was quicker',
      );
      assert.equal(await deliveries.collect(id, { from: 8, to: 9 }, [told('a'), told('d', 3)], 2000), true);
      assert.deepEqual(await dueAt(2000), ['a', 'b', 'd']);
      assert.deepEqual(await dueAt(1999), []);
      assert.equal((await webhooks.find(id))?.cursor, 9);
      assert.equal(await deliveries.open(id, 10), 3);
      assert.equal(await deliveries.open(id, 2), 2);
    });

    it('are not made for one that is switched off', async (t) => {
      const { webhooks, deliveries, id } = await createTested(t);
      const audit = {
        at: 1,
        actorId: 0,
        ip: '',
        action: 'webhook.disable',
        targetType: 'webhook',
        targetId: String(id),
        details: null,
      };
      assert.equal(await webhooks.switchOff(id, 'It answered 410 Gone.', 1500, audit), true);
      assert.equal(await webhooks.switchOff(id, 'It answered 410 Gone.', 1500, audit), false);
      assert.equal(await deliveries.collect(id, { from: 5, to: 8 }, [told('a')], 2000), false);
      const { enabled, disabledReason } = (await webhooks.find(id)) ?? assert.fail();
      assert.deepEqual([enabled, disabledReason], [false, 'It answered 410 Gone.']);
    });

    it('of a conversation wait for one another', async (t) => {
      const { deliveries, id, dueAt, settle } = await createTested(t);
      await deliveries.collect(id, { from: 5, to: 6 }, [told('a'), told('b'), told('other', 2)], 2000);
      assert.deepEqual(await dueAt(9999), ['a', 'other']);
      await settle('a', 'pending', { nextAt: 5000 });
      assert.deepEqual(await dueAt(4999), ['other']);
      assert.equal(await deliveries.nextDue(id, 4999), 5000);
      assert.equal(await deliveries.nextDue(id, 5000), undefined);
      await settle('a', 'failed');
      assert.deepEqual(await dueAt(4999), ['other', 'b']);
      await deliveries.collect(id, { from: 6, to: 7 }, [told('c')], 4000);
      assert.deepEqual(await dueAt(4999), ['other', 'b'], 'c waits for b');
      const { deliveries: all } = await deliveries.list(id, { skip: 0, limit: 10 });
      const failed = all.find(({ eventId }) => eventId === 'a') ?? assert.fail();
      assert.equal(await deliveries.retry(id, failed.id, 4500), true);
      assert.equal((await deliveries.find(id, failed.id))?.state, 'waiting', 'b may be on its way');
      await settle('b', 'delivered');
      assert.deepEqual(await dueAt(4999), ['other', 'a']);
      await settle('a', 'delivered');
      assert.deepEqual(await dueAt(4999), ['other', 'c']);
      assert.equal(await deliveries.retry(id, failed.id, 4500), false, 'it has arrived');
      assert.equal(await deliveries.retry(id + 1, failed.id, 4500), false);
    });

    it('say how their receiver does', async (t) => {
      const { webhooks, deliveries, id, settle } = await createTested(t);
      await deliveries.collect(id, { from: 5, to: 6 }, [told('a'), told('b')], 2000);
      await settle('a', 'pending', { at: 3000 });
      await settle('a', 'pending', { at: 4000 });
      const failing = (await webhooks.find(id)) ?? assert.fail();
      assert.deepEqual(
        [failing.failingSince, failing.lastAt, failing.lastStatus, failing.lastError],
        [3000, 4000, 500, 'It answered 500.'],
      );
      await settle('a', 'delivered', { at: 5000, statusCode: 200 });
      const well = (await webhooks.find(id)) ?? assert.fail();
      assert.deepEqual(
        [well.failingSince, well.lastAt, well.lastStatus, well.lastError],
        [null, 5000, 200, null],
      );
    });

    it('go with their webhook, and when their time is over', async (t) => {
      const { webhooks, deliveries, id, settle } = await createTested(t);
      await deliveries.collect(id, { from: 5, to: 6 }, [told('a'), told('b', 2)], 2000);
      await settle('a', 'delivered', { at: 3000 });
      assert.equal(await deliveries.removeEnded(3000), 0);
      assert.equal(await deliveries.removeEnded(3001), 1);
      assert.equal((await deliveries.list(id, { skip: 0, limit: 10 })).total, 1);
      assert.equal(await webhooks.remove(id, 4000), true);
      assert.equal(await webhooks.remove(id, 4000), false);
      assert.equal((await deliveries.list(id, { skip: 0, limit: 10 })).total, 0);
    });
  });
}
