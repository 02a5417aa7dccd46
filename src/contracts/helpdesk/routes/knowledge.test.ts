import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer, makeAccount, tokenOf } from '../../../../test/support/accounts.ts';
import { complete, read, send } from '../../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';

interface Article {
  id: number;
  name: string | null;
  title: string;
  content?: string;
  tags: string[];
  language: string | null;
  revision: number;
  created_by: number;
}

interface Body {
  success: boolean;
  data: Article & {
    articles: Article[];
    total: number;
    has_more: boolean;
    created: number;
    updated: number;
    failed: { name: string; issue: string }[];
    passages: {
      article_id: number | null;
      file: string | null;
      title: string;
      section: string | null;
      text: string;
      score: number;
    }[];
  };
  error: { code: string; message: string; details: { field: string; issue: string } | null };
}

const returns = { title: 'Returns', content: '## Deadline\n\nZebras can be returned within 30 days.' };

describe('helpdesk: the knowledge base', () => {
  let parley: Parley;
  let admin: Record<string, string>;
  let agent: Record<string, string>;
  before(async () => {
    parley = await startParley();
    await makeAccount(parley, 'boss', 'admin');
    await makeAccount(parley, 'helper', 'agent');
    await makeAccount(parley, 'somebody');
    admin = bearer(await tokenOf(parley, 'boss'));
    agent = bearer(await tokenOf(parley, 'helper'));
  });
  after(() => parley.close());

  const ask = (method: string, path = '', body?: unknown, headers = admin) =>
    read<Body>(send(`${parley.url}/api/v1/admin/knowledge${path}`, method, body, headers));

  test('an article is made, read, found, answered with, changed and deleted', async () => {
    const made = await ask('POST', '', { ...returns, language: 'en', tags: ['shop'] });
    assert.equal(made.status, 201);
    const { id } = made.body.data;
    assert.deepEqual((await ask('GET', `/${id}`)).body.data, made.body.data);
    const listed = await ask('GET', '?search=SHOP&limit=1', undefined, agent);
    const { content: _, ...summary } = made.body.data;
    assert.deepEqual(listed.body.data, { articles: [summary], total: 1, has_more: false });

    const found = await ask('GET', '/search?q=return%20zebras&limit=1', undefined, agent);
    const [passage] = found.body.data.passages;
    assert.deepEqual(
      [passage?.article_id, passage?.file, passage?.title, passage?.section],
      [id, null, 'Returns', 'Deadline'],
    );
    const question = { message: 'Can I return zebras?', model: 'parley-local' };
    assert.match(
      (await complete(parley.url, question)).body.response,
      /Returns › Deadline\*\* \[1\]\n\n> Zebras/u,
    );

    const changed = await ask('PUT', `/${id}`, { content: 'No zebras.', revision: made.body.data.revision });
    assert.deepEqual([changed.status, changed.body.data.title], [200, 'Returns']);
    const stale = await ask('PUT', `/${id}`, { content: 'x', revision: made.body.data.revision });
    assert.deepEqual([stale.status, stale.body.error.code], [409, 'CONFLICT']);

    assert.equal((await ask('DELETE', `/${id}`)).status, 200);
    assert.match((await complete(parley.url, question)).body.response, /^I do not know/u);
    const gone = await ask('GET', `/${id}`);
    assert.deepEqual([gone.status, gone.body.error.code], [404, 'NOT_FOUND']);
    assert.equal((await ask('DELETE', `/${id}`)).status, 404);
  });

  test('the files about Parley are found too', async () => {
    const { body } = await ask('GET', '/search?q=怎么启动%20Parley');
    assert.deepEqual([body.data.passages[0]?.article_id, body.data.passages[0]?.file], [null, 'start.zh.md']);
  });

  test('agents may read, others may not, and only administrators write', async () => {
    const user = bearer(await tokenOf(parley, 'somebody'));
    assert.equal((await ask('GET', '', undefined, agent)).status, 200);
    assert.equal((await ask('POST', '', returns, agent)).status, 403);
    assert.equal((await ask('POST', '/import', { documents: [] }, agent)).status, 403);
    assert.equal((await ask('PUT', '/1', {}, agent)).status, 403);
    assert.equal((await ask('DELETE', '/1', undefined, agent)).status, 403);
    for (const path of ['', '/1', '/search?q=x']) {
      assert.equal((await ask('GET', path, undefined, user)).status, 403);
      assert.equal((await ask('GET', path, undefined, {})).status, 401);
    }
  });

  test('files are imported; what cannot be is said in the language that is preferred', async () => {
    const documents = [
      { name: 'a.md', content: '---\ntitle: Giraffes\n---\nGiraffes are tall.' },
      { name: 'b.md', content: ' ' },
    ];
    const first = await ask('POST', '/import', { documents });
    assert.equal(first.status, 200);
    assert.deepEqual(first.body.data, {
      created: 1,
      updated: 0,
      failed: [{ name: 'b.md', issue: '内容不能为空' }],
    } as unknown);
    const english = { ...admin, 'accept-language': 'en' };
    const again = await ask('POST', '/import', { documents }, english);
    assert.deepEqual(again.body.data, {
      created: 0,
      updated: 1,
      failed: [{ name: 'b.md', issue: 'must not be empty' }],
    } as unknown);
    assert.equal((await ask('GET', '?search=giraffes')).body.data.articles[0]?.name, 'a.md');
  });

  test('a write that is sent again under its key is done once', async () => {
    const headers = { ...admin, 'idempotency-key': 'article-1' };
    const [one, two] = [await ask('POST', '', returns, headers), await ask('POST', '', returns, headers)];
    assert.deepEqual([two.status, two.body.data.id], [201, one.body.data.id]);
    const other = await ask('POST', '', { ...returns, title: 'Other' }, headers);
    assert.deepEqual([other.status, other.body.error.details?.field], [400, 'Idempotency-Key']);
    const removal = { ...admin, 'idempotency-key': 'article-2' };
    assert.equal((await ask('DELETE', `/${one.body.data.id}`, undefined, removal)).status, 200);
    assert.equal((await ask('DELETE', `/${one.body.data.id}`, undefined, removal)).status, 200);
  });

  test('the greatest article is taken, a greater is not', async () => {
    const content = '龙'.repeat(200_000);
    const made = await ask('POST', '', { title: '龙', content });
    assert.equal(made.status, 201);
    assert.equal((await ask('DELETE', `/${made.body.data.id}`)).status, 200);
    const refused = await ask('POST', '', { title: '龙', content: `${content}龙` });
    assert.deepEqual([refused.status, refused.body.error.details?.field], [400, 'content']);
  });

  for (const [what, method, path, body, field] of [
    ['no title', 'POST', '', { content: 'x' }, 'title'],
    ['a blank title', 'POST', '', { title: ' ', content: 'x' }, 'title'],
    ['a long title', 'POST', '', { title: 'x'.repeat(201), content: 'x' }, 'title'],
    ['no content', 'POST', '', { title: 'x', content: '' }, 'content'],
    ['a language that is none', 'POST', '', { ...returns, language: 'en"' }, 'language'],
    ['the same tag twice', 'POST', '', { ...returns, tags: ['a', 'a'] }, 'tags'],
    ['an empty import', 'POST', '/import', { documents: [] }, 'documents'],
    [
      'a file without a name',
      'POST',
      '/import',
      { documents: [{ name: '', content: 'x' }] },
      'documents.0.name',
    ],
    ['no question', 'GET', '/search', undefined, 'q'],
    ['a page of nothing', 'GET', '?limit=0', undefined, 'limit'],
    ['an id that is none', 'GET', '/x', undefined, 'id'],
  ] as const) {
    test(`${what} is refused, the field named`, async () => {
      const { status, body: answer } = await ask(method, path, body);
      assert.deepEqual([status, answer.error?.code], [400, 'VALIDATION_ERROR']);
      assert.equal(answer.error.details?.field, field);
    });
  }
});

test('the articles about Parley can be left out', async (t) => {
  const parley = await startParley({ yaml: { knowledge: { shipped: false } } });
  t.after(() => parley.close());
  const { body } = await complete(parley.url, { message: 'How do I start Parley?', model: 'parley-local' });
  assert.match(body.response, /^I do not know/u);
});
