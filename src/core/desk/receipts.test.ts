import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { createBusLine } from '../realtime/bus.fixture.ts';
import { createFeed } from '../realtime/feed.ts';
import { createDeskFeed, type DeskChange } from './desk-feed.ts';
import { createDeskBench } from './desk.fixture.ts';
import { createStaffReceipts } from './receipts.ts';

/** Two nodes over one store, an agent at each, and what they were told. */
async function createTested(t: TestContext) {
  const desk = await createDeskBench(t);
  const { storage, bench } = desk;
  const { messages, conversations, notes, users } = storage;
  const line = createBusLine();
  const open = async (agent: typeof desk.ann) => {
    const feed = createFeed({ rows: storage.feed, messages, bus: line.join() });
    const receipts = createStaffReceipts({
      messages,
      runtime: bench.runtime,
      wake: feed.wake,
      log: bench.log,
    });
    const { present } = desk.desk;
    const deskFeed = createDeskFeed({ feed, conversations, notes, users, present, receipts });
    const told: DeskChange[] = [];
    const { stop } = await deskFeed.watch(agent, undefined, {
      onChanges: (changes) => void told.push(...changes),
      onReset: () => assert.fail(),
      onFailure: () => assert.fail(),
    });
    t.after(stop);
    return { feed, deskFeed, told };
  };
  return { ...desk, here: await open(desk.ann), there: await open(desk.bob) };
}

test('a message that staff on several nodes are told of is delivered once, and read once', async (t) => {
  const { begin, change, says, here, there, ann, bob } = await createTested(t);
  const id = await begin();
  await change(id);
  const messageId = await says(id, 'Is anybody there?');
  here.feed.wake(id, null);
  const receipts = ({ told }: typeof here) =>
    told.filter(({ type }) => type === 'receipt').map(({ data }) => data?.['receipt']);
  const all = (count: number) =>
    eventually(() => (receipts(here).length >= count && receipts(there).length >= count ? true : undefined));
  await all(1);
  await Promise.all([here.deskFeed.read(ann, id, messageId), there.deskFeed.read(bob, id, messageId)]);
  await all(2);
  const expected = ['delivered', 'read'];
  assert.deepEqual([receipts(here), receipts(there)], [expected, expected]);
});
