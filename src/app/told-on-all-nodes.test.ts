import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { eventually } from '../../test/support/eventually.ts';
import { createBench } from '../core/completions/bench.fixture.ts';
import { createIdempotency } from '../core/idempotency.ts';
import type { UserCaller } from '../core/identity/caller.ts';
import { createArticles } from '../core/knowledge/articles.ts';
import { createBusLine } from '../core/realtime/bus.fixture.ts';
import { openDeskSettings } from './open-desk.ts';
import { openKnowledge } from './open-knowledge.ts';
import { openMaintenance } from './open-maintenance.ts';
import { openMoney } from './open-money.ts';
import { temporaryFolder } from '../storage/temporary-folder.fixture.ts';

const admin: UserCaller = {
  kind: 'user',
  ip: '192.0.2.7',
  userId: 1,
  loginId: 1,
  contract: 'helpdesk',
  role: 'admin',
};

/** Two nodes over one store whose regular looks have not begun: they know what they are told. */
async function createTested(t: TestContext) {
  const { storage, runtime, log, catalogue } = await createBench(t);
  const line = createBusLine();
  const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
  const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);
  const open = async () => {
    const bus = line.join();
    const parts = {
      storage,
      node: { bus, nodes: { id: runtime.token(6) } },
      idempotency,
      catalogue,
      dayOf,
      runtime,
      log,
    };
    const { maintenance } = await openMaintenance(parts);
    const settings = await openDeskSettings(parts);
    const config = { dataDir: temporaryFolder(t), knowledge: { shipped: false } };
    const opened = await openKnowledge({ ...parts, config });
    t.after(opened.close);
    const { knowledge, articleFeed: feed, onArticlesChanged: onChanged } = opened;
    const articles = createArticles({
      rows: storage.articles,
      feed,
      knowledge,
      idempotency,
      runtime,
      onChanged,
    });
    const none = { budgets: { perUser: null, perKey: null, cnyPerUsd: 7 } };
    const { budgets } = openMoney({ ...parts, config: none });
    return { bus, maintenance, settings, articles, budgets };
  };
  return { storage, line, here: await open(), there: await open() };
}

const soon = (look: () => boolean) => eventually(() => look() || undefined);

test('the maintenance switch holds on all nodes, also where it was moved while one was cut', async (t) => {
  const { here, there } = await createTested(t);
  await here.maintenance.set(true, 'Back soon.');
  await soon(() => there.maintenance.get().message === 'Back soon.');
  there.bus.cut();
  await here.maintenance.set(false);
  assert.equal(there.maintenance.get().enabled, true);
  there.bus.rejoin();
  await soon(() => !there.maintenance.get().enabled);
});

test('the helpdesk’s settings hold on all nodes, and who watches them is told', async (t) => {
  const { here, there } = await createTested(t);
  let told = 0;
  there.settings.watch(() => told++);
  await here.settings.set(admin, { assignment: 'round_robin' });
  await soon(() => there.settings.get().assignment === 'round_robin');
  assert.equal(told, 1);
});

test('an article is found, and is found no more, on all nodes', async (t) => {
  const { here, there } = await createTested(t);
  const fields = { title: 'Returns', content: 'Bicycles can be returned.', language: 'en', tags: [] };
  const { id } = await here.articles.create(admin, fields);
  await soon(() => there.articles.search('bicycles', 1).length === 1);
  await here.articles.update(admin, id, { content: 'Umbrellas cannot.' });
  await soon(() => there.articles.search('bicycles', 1).length === 0);
  await there.articles.remove(admin, id);
  await soon(() => here.articles.search('umbrellas', 1).length === 0);
});

test('a budget that is changed holds on all nodes', async (t) => {
  const { storage, line, here, there } = await createTested(t);
  const at = 1;
  const of = { username: 'ann', email: 'ann@example.com', fullName: '', passwordHash: '', role: 'user' };
  const userId = await storage.users.create({ ...of, status: 'active', createdAt: at, updatedAt: at });
  const ann = { ...admin, userId, role: 'user' as const };
  assert.equal((await there.budgets.view(ann)).budget, null);
  await storage.users.change({ id: userId, budget: { tokens: 500 }, at });
  assert.equal((await there.budgets.view(ann)).budget, null, 'believed');
  here.budgets.forget();
  await line.arrived();
  assert.deepEqual((await there.budgets.view(ann)).budget, { tokens: 500 });
});
