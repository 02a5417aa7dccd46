import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { join } from 'node:path';
import { openStorage } from '../../storage/storage.ts';
import { temporaryFolder } from '../../storage/temporary-folder.fixture.ts';
import { createIdempotency } from '../idempotency.ts';
import type { UserCaller } from '../identity/caller.ts';
import { createFakeRuntime } from '../runtime.fixture.ts';
import { createArticleFeed } from './article-feed.ts';
import { contentMost, createArticles } from './articles.ts';
import { articleOf } from './imported.ts';
import { createKnowledge } from './knowledge.ts';

const ada: UserCaller = {
  kind: 'user',
  ip: '192.0.2.1',
  userId: 1,
  loginId: 1,
  contract: 'helpdesk',
  role: 'admin',
};
const returns = {
  title: 'Returns',
  content: 'Goods can be returned within 30 days.',
  language: 'en',
  tags: [],
};
const page = { skip: 0, limit: 50 };

async function createTested(t: TestContext) {
  const storage = await openStorage({ path: join(temporaryFolder(t), 'parley.db') });
  t.after(() => storage.close());
  const runtime = createFakeRuntime();
  /** A process of its own over the store. */
  const open = () => {
    const knowledge = createKnowledge();
    const feed = createArticleFeed({ rows: storage.articles, knowledge });
    const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
    const articles = createArticles({ rows: storage.articles, feed, knowledge, idempotency, runtime });
    const found = (query: string) => articles.search(query, 5).map(({ place }) => place.articleId);
    return { knowledge, feed, articles, found };
  };
  const actions = async () =>
    (await storage.auditLog.list({}, page)).entries.map(({ action, targetId }) => [action, targetId]);
  return { storage, open, ...open(), actions };
}

describe('articles', () => {
  it('are found, changed and gone as soon as it was said', async (t) => {
    const { articles, found, actions } = await createTested(t);
    const made = await articles.create(ada, returns);
    assert.deepEqual(found('return goods'), [made.id]);
    await articles.update(ada, made.id, { content: 'Elephants.' });
    assert.deepEqual(found('goods'), []);
    assert.deepEqual(found('elephants'), [made.id]);
    await articles.update(ada, made.id, { title: 'Giraffes' });
    assert.deepEqual(found('giraffes'), [made.id]);
    await articles.remove(ada, made.id);
    assert.deepEqual(found('elephants giraffes'), []);
    await assert.rejects(articles.get(made.id), { code: 'not_found' });
    await assert.rejects(articles.update(ada, made.id, { title: 'x' }), { code: 'not_found' });
    await assert.rejects(articles.remove(ada, made.id), { code: 'not_found' });
    const id = String(made.id);
    assert.deepEqual(await actions(), [
      ['article.delete', id],
      ['article.update', id],
      ['article.update', id],
      ['article.create', id],
    ]);
  });

  it('are followed by other processes', async (t) => {
    const { articles, open } = await createTested(t);
    const other = open();
    const first = await articles.create(ada, returns);
    const second = await articles.create(ada, { ...returns, title: 'Delivery', content: 'Three days.' });
    await other.feed.refresh();
    assert.deepEqual(other.found('return goods'), [first.id]);
    await articles.remove(ada, first.id);
    await articles.update(ada, second.id, { content: 'Nine days abroad.' });
    await Promise.all([other.feed.refresh(), other.feed.refresh()]);
    assert.deepEqual(other.found('return goods'), []);
    assert.deepEqual(other.found('abroad'), [second.id]);
    assert.equal(other.knowledge.revision(), (await opened(open)).knowledge.revision());
  });

  it('are made once under one key', async (t) => {
    const { articles } = await createTested(t);
    const key = { key: 'k', fingerprint: 'f' };
    const [one, again] = [await articles.create(ada, returns, key), await articles.create(ada, returns, key)];
    assert.deepEqual(again, one);
    const removal = { key: 'r', fingerprint: 'f' };
    await articles.remove(ada, one.id, removal);
    await articles.remove(ada, one.id, removal);
    assert.equal((await articles.list('', page)).total, 0);
  });

  it('change only as they were read, where that is wanted', async (t) => {
    const { articles } = await createTested(t);
    const made = await articles.create(ada, returns);
    const changed = await articles.update(ada, made.id, { title: 'One', revision: made.revision });
    await assert.rejects(articles.update(ada, made.id, { title: 'Two', revision: made.revision }), {
      code: 'conflict',
    });
    assert.deepEqual([changed.title, changed.content], ['One', returns.content]);
  });

  it('are imported: created, replaced by name, and reported where they cannot be', async (t) => {
    const { articles, found, actions } = await createTested(t);
    const key = { key: 'k', fingerprint: 'f' };
    const files = [
      { name: 'returns.md', content: '# Returns\n\nGoods within 30 days.' },
      { name: 'empty.md', content: '---\ntitle: x\n---\n' },
      { name: 'huge.md', content: 'x'.repeat(contentMost + 1) },
      { name: 'returns.md', content: 'again' },
    ];
    const report = await articles.import(ada, files, key);
    assert.deepEqual(report, {
      created: 1,
      updated: 0,
      failed: [
        { name: 'empty.md', issue: { kind: 'empty' } },
        { name: 'huge.md', issue: { kind: 'length', max: contentMost } },
        { name: 'returns.md', issue: { kind: 'repeated' } },
      ],
    });
    assert.deepEqual(await articles.import(ada, files, key), report);
    const [made] = (await articles.list('', page)).articles;
    assert.deepEqual([made?.name, made?.title], ['returns.md', 'Returns']);
    const second = await articles.import(ada, [{ name: 'returns.md', content: '# 退货\n\n三十天内退货。' }]);
    assert.deepEqual([second.created, second.updated], [0, 1]);
    assert.deepEqual(found('退货'), [made?.id]);
    assert.deepEqual(found('goods'), []);
    assert.deepEqual(
      (await actions()).map(([action]) => action),
      ['article.import', 'article.import'],
    );
  });

  it('are imported by two at once without a double', async (t) => {
    const { articles, open } = await createTested(t);
    const other = open();
    const files = [{ name: 'a.md', content: 'One.' }];
    const reports = await Promise.all([articles.import(ada, files), other.articles.import(ada, files)]);
    assert.deepEqual(
      reports.map(({ created, updated }) => created * 10 + updated).toSorted((a, b) => a - b),
      [1, 10],
    );
    assert.equal((await articles.list('', page)).total, 1);
  });

  it('stop where the knowledge base is full', async (t) => {
    const { storage, articles } = await createTested(t);
    const content = 'x'.repeat(contentMost);
    for (let batch = 0; batch < 5; batch++) {
      const ids = await Promise.all(Array.from({ length: 20 }, () => storage.articles.nextId()));
      const create = ids.map((id) => ({ ...returns, content, id, name: null, createdBy: 1 }));
      await storage.articles.change({ create, update: [], at: 1, audit: [] });
    }
    await assert.rejects(articles.create(ada, returns), { code: 'quota_exceeded' });
    await assert.rejects(articles.import(ada, [{ name: 'a.md', content: 'x' }]), { code: 'quota_exceeded' });
  });
});

async function opened<T extends { feed: { refresh(): Promise<void> } }>(open: () => T): Promise<T> {
  const process = open();
  await process.feed.refresh();
  return process;
}

describe('an imported file', () => {
  for (const [what, file, expected] of [
    [
      'is called as its front matter says',
      '---\ntitle: "Our: returns"\nlang: en\ntags: [a, "b", a]\n---\n# H\n\nText',
      { title: 'Our: returns', language: 'en', tags: ['a', 'b'], content: '# H\n\nText' },
    ],
    [
      'may list its tags in lines',
      '---\r\ntags:\r\n  - 退货\r\n  - 政策\r\nlanguage: zh-CN\r\n---\r\n# 退货\r\n\r\nText',
      { title: '退货', language: 'zh-CN', tags: ['退货', '政策'], content: '# 退货\n\nText' },
    ],
    [
      'is called as its first heading',
      '```sh\n# no heading\n```\n\n## Second ##\n\n# First',
      { title: 'Second' },
    ],
    ['is called as its underlined heading', 'Title\n=====\n\nText', { title: 'Title' }],
    ['is called as the file where nothing says otherwise', 'Text', { title: 'x y' }],
    ['has no language that is none', '---\nlanguage: <script>\n---\nText', { language: null }],
    ['has a title of one line', `---\ntitle: ${'é'.repeat(300)}\n---\nText`, { title: 'é'.repeat(200) }],
  ] as const) {
    it(what, () => {
      const article = articleOf({ name: 'folder/x y.md', content: file });
      assert.deepEqual({ ...article, ...expected }, article);
    });
  }
});
