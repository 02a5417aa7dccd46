import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { NewArticle } from './articles.ts';
import { isTakenClaim } from './idempotency-keys.ts';
import type { StorageUnderTest } from './storage.suite.ts';

export function articlesSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function createTested(t: TestContext) {
    const storage = await prepare(t).open();
    t.after(() => storage.close());
    const { articles } = storage;
    const create = async (fields: Partial<NewArticle> = {}, at = 1_000) => {
      const id = await articles.nextId();
      const article = { id, name: null, title: 'Returns', language: 'en', tags: ['shop'], createdBy: 1 };
      const whole = { ...article, content: 'Within 30 days.', ...fields };
      assert.ok(await articles.change({ create: [whole], update: [], at, audit: [] }));
      return id;
    };
    return { storage, articles, create };
  }

  const fields = { title: 'Returned', language: null, tags: [], content: 'Within 60 days.' };
  const page = { skip: 0, limit: 10 };

  describe(`${kind}: articles`, () => {
    it('are kept as they were made', async (t) => {
      const { articles, create } = await createTested(t);
      const id = await create({ name: 'returns.md' });
      assert.deepEqual(await articles.find(id), {
        id,
        name: 'returns.md',
        title: 'Returns',
        language: 'en',
        tags: ['shop'],
        createdBy: 1,
        createdAt: 1_000,
        updatedAt: 1_000,
        revision: 1,
        characters: 15,
        content: 'Within 30 days.',
      });
      assert.equal(await articles.find(id + 1), undefined);
      assert.deepEqual(
        (await articles.named(['other.md', 'returns.md'])).map((one) => one.id),
        [id],
      );
      assert.deepEqual(await articles.size(), { articles: 1, characters: 15 });
    });

    it('are listed newest change first, and found by title, tag and file name without regard to case', async (t) => {
      const { articles, create } = await createTested(t);
      const returns = await create({ name: 'policies/Returns.md', title: 'Sending back' }, 1_000);
      const hours = await create({ title: 'Öffnungszeiten 100%', tags: [] }, 2_000);
      const chinese = await create({ title: '退货政策', tags: ['政策'] }, 3_000);
      const listed = async (search: string) => (await articles.list(search, page)).map(({ id }) => id);
      assert.deepEqual(await listed(''), [chinese, hours, returns]);
      assert.deepEqual(await listed('öffnung'), [hours]);
      assert.deepEqual(await listed('%'), [hours]);
      assert.deepEqual(await listed('RETURNS.md'), [returns]);
      assert.deepEqual(await listed('SHOP'), [returns]);
      assert.deepEqual(await listed('政策'), [chinese]);
      assert.equal(await articles.count('政策'), 1);
      assert.deepEqual(
        (await articles.list('', { skip: 1, limit: 1 })).map(({ id }) => id),
        [hours],
      );
      await articles.change({ create: [], update: [{ ...fields, id: returns }], at: 4_000, audit: [] });
      assert.deepEqual(await listed(''), [returns, chinese, hours]);
    });

    it('change only at the revision that was read, and only where they are', async (t) => {
      const { articles, create } = await createTested(t);
      const id = await create();
      const update = (revision?: number) =>
        articles.change({ create: [], update: [{ ...fields, id, revision }], at: 2_000, audit: [] });
      assert.equal(await update(1), true);
      assert.equal(await update(1), false);
      assert.equal(await update(), true);
      assert.equal((await articles.find(id))?.content, 'Within 60 days.');
      assert.equal(await articles.remove(id, 3_000), true);
      assert.equal(await articles.remove(id, 3_000), false);
      assert.equal(await update(), false);
      assert.ok((await create()) > id, 'no id is given twice');
    });

    it('tell what has changed since', async (t) => {
      const { articles, create } = await createTested(t);
      const [one, two, three] = [await create(), await create(), await create()];
      assert.equal(await articles.revision(), 3);
      const since = async (revision: number, limit = 10) =>
        (await articles.changedSince(revision, limit)).map(({ id, revision: at }) => [id, at]);
      assert.deepEqual(await since(1), [
        [two, 2],
        [three, 3],
      ]);
      await articles.change({ create: [], update: [{ ...fields, id: one }], at: 2_000, audit: [] });
      assert.deepEqual(await since(2, 1), [[three, 3]]);
      assert.deepEqual(await since(3), [[one, 4]]);
      await articles.remove(two, 3_000);
      assert.equal(await articles.revision(), 5);
      assert.deepEqual(
        (await articles.ids()).toSorted((a, b) => a - b),
        [one, three],
      );
    });

    it('are written together with claim and audit entry, or not at all', async (t) => {
      const { storage, articles, create } = await createTested(t);
      const claim = { owner: 'user:1', key: 'k', fingerprint: 'f', result: null, expiresAt: 9_000 };
      const audit = {
        at: 1,
        actorId: 1,
        ip: '192.0.2.1',
        action: 'article.delete',
        targetType: 'article',
        targetId: '1',
        details: null,
      };
      const entries = async () => (await storage.auditLog.list({}, page)).total;
      const id = await create({ name: 'a.md' });
      const other = await create({ name: 'b.md' });
      assert.equal(await articles.remove(other + 1, 2_000, claim, audit), false);
      assert.equal(await entries(), 0);
      assert.equal(await articles.remove(id, 2_000, claim, audit), true);
      assert.equal(await entries(), 1);
      await assert.rejects(articles.remove(other, 2_000, claim, audit), isTakenClaim);
      assert.ok(await articles.find(other));
      await assert.rejects(create({ name: 'b.md' }), { code: 'conflict', constraint: 'articles.name' });
      assert.equal(await articles.revision(), 3, 'what is refused changes nothing');
    });
  });
}
