import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  bearer,
  logins,
  makeAccount,
  tokenOf,
  type LoginContract,
} from '../../../../test/support/accounts.ts';
import type { Answered } from '../../../../test/support/gateway.ts';
import { beginSession, joinHelpdesk } from '../../../../test/support/helpdesk.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import {
  askStudio,
  makeStudio,
  visionModel,
  type ConversationBody,
  type Envelope,
  type PaginationBody,
  type Studio,
} from '../../../../test/support/studio.ts';

/** studio.md, "获取对话详情". */
const example = {
  conversation_id: 789012,
  title: '新对话',
  model_name: 'qwen-vl-max-latest',
  status: 1,
  created_at: '2023-01-01T00:00:00Z',
  updated_at: '2023-01-01T00:00:00Z',
};
interface Conversations {
  conversations: ConversationBody[];
  pagination: PaginationBody;
}
type Body = ConversationBody & {
  message_count: number;
  agent_type?: string;
  assignee?: { id: number; name: string } | null;
};
type Answer<T = unknown> = Answered<Envelope<T>>;

const english = { 'accept-language': 'en-GB,zh;q=0.5' };

let parley: Parley;
let mina: Studio;
let other: Studio;
before(async () => {
  parley = await startParley();
  mina = await makeStudio(parley, 'mina');
  other = await makeStudio(parley, 'other');
});
after(() => parley.close());

const begin = (body: unknown, headers = {}) => mina.call<Body>('POST', '/conversations', body, headers);
const list = (query = '', who = mina) => who.call<Conversations>('GET', `/conversations${query}`);
const get = (id: number | string, who = mina) => who.call<Body>('GET', `/conversations/${id}`);
const rename = (id: number | string, body: unknown, headers = {}) =>
  mina.call<Body>('PUT', `/conversations/${id}`, body, headers);
const remove = (id: number | string, who = mina, headers = {}) =>
  who.call('DELETE', `/conversations/${id}`, undefined, headers);
const titled = async (title: string, model_name = visionModel) =>
  (await begin({ title, model_name })).body.data.conversation_id;

describe('studio: a conversation begins', () => {
  test('as the document shows', async () => {
    const answer = await begin({ title: 'My pictures', model_name: visionModel });
    assert.deepEqual([answer.status, answer.body.code, answer.body.message], [200, 200, '创建成功']);
    assertShape(answer.body.data, example);
    const { conversation_id: id, title, model_name, status } = answer.body.data;
    assert.deepEqual([title, model_name, status], ['My pictures', visionModel, 1]);
    assert.deepEqual((await get(id)).body, { code: 200, message: '获取成功', data: answer.body.data });
  });

  test('without a title it is 新对话, in English New chat', async () => {
    for (const body of [{ model_name: visionModel }, { model_name: visionModel, title: null }]) {
      const chinese = await begin(body);
      assert.equal(chinese.body.data.title, '新对话');
      const id = chinese.body.data.conversation_id;
      const said = await mina.call<Body>('GET', `/conversations/${id}`, undefined, english);
      assert.deepEqual([said.body.message, said.body.data.title], ['Found', 'New chat']);
    }
    assert.equal((await begin({ model_name: visionModel, title: '新对话' })).body.data.title, '新对话');
  });

  test('with the alias of a model, which it keeps', async () => {
    const { status, body } = await begin({ model_name: 'parley-local' });
    assert.deepEqual([status, body.data.model_name], [200, 'parley-local']);
  });

  test('with a title of 1 to 200 characters, blanks around it left out', async () => {
    for (const [title, kept] of [
      ['x', 'x'],
      ['  图片 ', '图片'],
      ['🎨'.repeat(200), '🎨'.repeat(200)],
    ] as const) {
      assert.equal((await begin({ model_name: visionModel, title })).body.data.title, kept);
    }
  });

  describe('what is not valid is 400 with the field in the message', () => {
    const model_name = visionModel;
    const cases: [what: string, body: unknown, field: string][] = [
      ['no model', { title: 'x' }, 'model_name'],
      ['a model that is null', { model_name: null }, 'model_name'],
      ['a model of nothing', { model_name: '' }, 'model_name'],
      ['a model that is a number', { model_name: 5 }, 'model_name'],
      ['a model without end', { model_name: 'x'.repeat(201) }, 'model_name'],
      ['a model that nobody knows', { model_name: 'no-such-model' }, 'model_name'],
      ['a model that does not chat', { model_name: 'parley-local-embedding' }, 'model_name'],
      ['an empty title', { model_name, title: '' }, 'title'],
      ['a blank title', { model_name, title: ' \t' }, 'title'],
      ['a title of 201 characters', { model_name, title: '图'.repeat(201) }, 'title'],
      ['a title of two lines', { model_name, title: 'one\ntwo' }, 'title'],
      ['a title that is a number', { model_name, title: 5 }, 'title'],
      ['a list', [{ model_name }], 'body'],
      ['malformed JSON', '{"model_name": ', 'body'],
      ['no body', undefined, 'body'],
    ];
    for (const [what, body, field] of cases) {
      test(what, async () => {
        assertRefused(await begin(body), 400, field);
        assertRefused(await begin(body, english), 400, field);
      });
    }

    test('no conversation began', async () => {
      const { total } = (await list()).body.data.pagination;
      await begin({ title: 'x' });
      assert.equal((await list()).body.data.pagination.total, total);
    });
  });

  test('once, however often it is sent under one key', async () => {
    const headers = { 'idempotency-key': 'begin-1' };
    const body = { title: 'Once', model_name: visionModel };
    const first = await begin(body, headers);
    assert.deepEqual((await begin(body, headers)).body, first.body);
    assertRefused(await begin({ ...body, title: 'Twice' }, headers), 400, 'Idempotency-Key');
  });
});

describe('studio: the list of conversations', () => {
  let lea: Studio;
  let ids: number[];
  before(async () => {
    lea = await makeStudio(parley, 'lea');
    ids = [];
    for (let count = 0; count < 12; count++) {
      ids.unshift(await lea.begin(count % 3 === 0 ? 'parley-local' : visionModel));
    }
  });
  const idsOf = ({ body }: Answer<Conversations>) =>
    body.data.conversations.map(({ conversation_id: id }) => id);

  test('is as the document shows, newest first, ten a page', async () => {
    const answer = await list('', lea);
    assert.deepEqual([answer.status, answer.body.message], [200, '获取成功']);
    assertShape(answer.body.data, {
      conversations: [example],
      pagination: { current_page: 1, per_page: 10, total: 1, total_pages: 1 },
    });
    assert.deepEqual(Object.keys(answer.body.data), ['conversations', 'pagination']);
    assert.deepEqual(idsOf(answer), ids.slice(0, 10));
    const pagination = { current_page: 1, per_page: 10, total: 12, total_pages: 2 };
    assert.deepEqual(answer.body.data.pagination, pagination);
  });

  test('has pages of 1 to 100; those past the end are empty', async () => {
    for (const [page, limit, total_pages] of [
      [2, 10, 2],
      [3, 5, 3],
      [12, 1, 12],
      [1, 12, 1],
      [1, 100, 1],
      [2, 12, 1],
      [1_000_000, 100, 1],
    ] as const) {
      const answer = await list(`?page=${page}&limit=${limit}`, lea);
      assert.equal(answer.status, 200);
      assert.deepEqual(idsOf(answer), ids.slice((page - 1) * limit, page * limit));
      const pagination = { current_page: page, per_page: limit, total: 12, total_pages };
      assert.deepEqual(answer.body.data.pagination, pagination);
    }
  });

  test('is narrowed by the model, with exact totals', async () => {
    const local = ids.filter((_, index) => (11 - index) % 3 === 0);
    const first = await list('?model_name=parley-local&limit=3', lea);
    assert.deepEqual(idsOf(first), local.slice(0, 3));
    assert.deepEqual([first.body.data.pagination.total, first.body.data.pagination.total_pages], [4, 2]);
    assert.deepEqual(idsOf(await list('?model_name=parley-local&limit=3&page=2', lea)), local.slice(3));
    const none = await list('?model_name=no-such-model', lea);
    assert.deepEqual(none.body.data, {
      conversations: [],
      pagination: { current_page: 1, per_page: 10, total: 0, total_pages: 0 },
    });
    assert.equal((await list('?model_name=', lea)).body.data.pagination.total, 12);
  });

  test('does not count what was deleted', async () => {
    const [gone = 0] = ids.splice(5, 1);
    assert.equal((await remove(gone, lea)).status, 200);
    const answer = await list('?limit=4&page=2', lea);
    assert.deepEqual(idsOf(answer), ids.slice(4, 8));
    assert.equal(answer.body.data.pagination.total, 11);
  });

  for (const [query, field, text] of [
    ['page=0', 'page', '必须是整数，且不少于 1'],
    ['page=-1', 'page', '不少于 1'],
    ['page=1.5', 'page', '必须是整数'],
    ['page=one', 'page', '必须是整数'],
    ['page=', 'page', '必须是整数'],
    ['page=Infinity', 'page', ''],
    ['page=1e30', 'page', ''],
    ['page=1&page=2', 'page', '必须是整数'],
    ['limit=0', 'limit', '在 1 到 100 之间'],
    ['limit=101', 'limit', '在 1 到 100 之间'],
    ['limit=-5', 'limit', '在 1 到 100 之间'],
    ['limit=many', 'limit', '必须是整数'],
    [`model_name=${'x'.repeat(201)}`, 'model_name', '不超过 200'],
  ] as const) {
    test(`?${query.slice(0, 20)} is 400`, async () =>
      assertRefused(await list(`?${query}`), 400, `${field} `, text));
  }

  test('has conversations of every contract, with the model that answers in them', async () => {
    const headers = bearer(await tokenOf(parley, 'mina', 'assistant'));
    const { status } = await fetch(`${parley.url}/api/v1/chat`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ message: 'Hello from elsewhere' }),
    });
    assert.equal(status, 200);
    const [newest] = (await list()).body.data.conversations;
    assert.equal(newest?.title, 'Hello from elsewhere');
    assert.equal(newest.model_name, parley.app.defaultModel());
    const narrowed = await list(`?model_name=${parley.app.defaultModel()}&limit=1`);
    assert.equal(narrowed.body.data.conversations[0]?.conversation_id, newest.conversation_id);
  });

  test('has nothing of others', async () => {
    assert.deepEqual((await list('', other)).body.data.conversations, []);
  });
});

describe('studio: one conversation', () => {
  test('gets another title', async () => {
    const id = await titled('Before');
    const { created_at } = (await get(id)).body.data;
    parley.advance(1000);
    const answer = await rename(id, { title: ' 更新后的对话标题 ' });
    assert.deepEqual([answer.status, answer.body.message], [200, '更新成功']);
    assertShape(answer.body.data, example);
    assert.equal(answer.body.data.title, '更新后的对话标题');
    assert.equal(answer.body.data.created_at, created_at);
    assert.ok(answer.body.data.updated_at > created_at);
    assert.deepEqual((await get(id)).body.data, answer.body.data);
  });

  test('stays as it is without a title', async () => {
    const id = await titled('As it is');
    const before = (await get(id)).body.data;
    for (const body of [{}, { title: null }, { something: 'else' }]) {
      assert.deepEqual((await rename(id, body)).body, { code: 200, message: '更新成功', data: before });
    }
  });

  for (const [what, body, field] of [
    ['an empty title', { title: '' }, 'title'],
    ['a blank title', { title: '   ' }, 'title'],
    ['a title of 201 characters', { title: 'x'.repeat(201) }, 'title'],
    ['a title of two lines', { title: 'a\nb' }, 'title'],
    ['a title that is a list', { title: ['x'] }, 'title'],
    ['a text', '"title"', 'body'],
    ['malformed JSON', '{"title"', 'body'],
    ['no body', undefined, 'body'],
  ] as const) {
    test(`${what} is 400`, async () => assertRefused(await rename(await titled('Stays'), body), 400, field));
  }

  test('is renamed and deleted once, however often it is sent under one key', async () => {
    const id = await titled('Before');
    const renaming = { 'idempotency-key': 'rename-1' };
    const renamed = await rename(id, { title: 'After' }, renaming);
    await rename(id, { title: 'Later' });
    const again = await rename(id, { title: 'After' }, renaming);
    assert.deepEqual([renamed.status, again.status], [200, 200]);
    assert.equal((await get(id)).body.data.title, 'Later');
    assertRefused(await rename(id, { title: 'Else' }, renaming), 400, 'Idempotency-Key');
    const deleting = { 'idempotency-key': 'delete-1' };
    for (let count = 0; count < 2; count++) {
      const { status, body } = await remove(id, mina, deleting);
      assert.deepEqual([status, body], [200, { code: 200, message: '删除成功', data: null }]);
    }
  });

  test('is gone once it is deleted, with its messages', async () => {
    const id = await titled('To be deleted');
    await mina.exchange(id, 'Hello');
    assert.equal((await get(id)).body.data.message_count, 2);
    const deleted = await remove(id);
    assert.deepEqual(deleted.body, { code: 200, message: '删除成功', data: null });
    for (const answer of [
      await get(id),
      await rename(id, { title: 'x' }),
      await rename(id, {}),
      await remove(id),
      await get(id, other),
      await mina.call('GET', `/conversations/${id}/messages`),
    ]) {
      assertRefused(answer, 404, '对话不存在');
    }
    assert.ok(!(await list('?limit=100')).body.data.conversations.some((one) => one.conversation_id === id));
  });

  test('of another is 403 and stays, also with what is not valid besides', async () => {
    const id = await titled('Mine');
    const path = `/conversations/${id}`;
    for (const answer of [
      await get(id, other),
      await other.call('PUT', path, { title: 'Yours' }),
      await other.call('PUT', path, {}),
      await remove(id, other),
    ]) {
      assertRefused(answer, 403, '无权限访问该对话');
    }
    const said = await other.call('GET', path, undefined, english);
    assert.deepEqual(said.body, { code: 403, message: 'This conversation is not yours.', data: null });
    assert.equal((await get(id)).body.data.title, 'Mine');
  });

  test('of nobody, or of one who is served by an administrator, is 403, too', async () => {
    const { session_id } = await beginSession(parley);
    const admin = await makeStudio(parley, 'boss', 'admin');
    const id = await titled('Mine');
    assertRefused(await get(id, admin), 403, '无权限访问该对话');
    const { conversations } = parley.app.core;
    const guests = await conversations.open({ kind: 'anonymous', ip: '' }, session_id.slice('sess_'.length));
    assertRefused(await get(guests.id, mina), 403, '无权限访问该对话');
    assertRefused(await remove(guests.id, mina), 403, '无权限访问该对话');
  });

  test('that never was is 404; what can be no id is 400', async () => {
    for (const id of ['987654321', '0', '-1', '99999999999999999999']) {
      for (const answer of [await get(id), await rename(id, { title: 'x' }), await remove(id)]) {
        assertRefused(answer, 404, '对话不存在');
      }
    }
    for (const id of ['abc', '1.5', 'sess_abc', 'null']) {
      for (const answer of [await get(id), await rename(id, { title: 'x' }), await remove(id)]) {
        assertRefused(answer, 400, 'conversation_id');
      }
    }
    const said = await mina.call('GET', '/conversations/987654321', undefined, english);
    assert.equal(said.body.message, 'There is no such conversation.');
  });

  test('says who is in charge where a person is', async () => {
    const id = await titled('Help');
    assert.ok(!('agent_type' in (await get(id)).body.data));
    const agent = await joinHelpdesk(parley, 'ann', 'agent');
    const assign = () =>
      fetch(`${parley.url}/api/v1/admin/conversations/${id}/assign`, {
        method: 'POST',
        headers: agent.headers,
      });
    assert.equal((await assign()).status, 200);
    const { agent_type, assignee } = (await get(id)).body.data;
    assert.deepEqual([agent_type, assignee?.name], ['human', 'ann']);
    const [listed] = (await list('?limit=1')).body.data.conversations as Body[];
    assert.deepEqual([listed?.agent_type, listed?.assignee], [agent_type, assignee]);
  });
});

describe('studio: who may have conversations', () => {
  test('whoever is logged in, by whatever contract', async () => {
    for (const contract of Object.keys(logins) as LoginContract[]) {
      const headers = bearer(await tokenOf(parley, 'mina', contract));
      assert.equal((await askStudio(parley, 'GET', '/conversations', undefined, headers)).status, 200);
    }
  });

  test('nobody else', async () => {
    await makeAccount(parley, 'nobody');
    const key = { 'x-api-key': await parley.key() };
    for (const [method, path] of [
      ['GET', '/conversations'],
      ['POST', '/conversations'],
      ['GET', '/conversations/1'],
      ['PUT', '/conversations/1'],
      ['DELETE', '/conversations/1'],
    ] as const) {
      assertRefused(await askStudio(parley, method, path), 401, '未认证');
      assertRefused(await askStudio(parley, method, path, undefined, bearer('a.b.c')), 401, '令牌无效');
      assertRefused(await askStudio(parley, method, path, undefined, key), 403);
    }
  });

  test('up to the quota, 403 beyond it', async (t) => {
    const small = await startParley({ yaml: { limits: { assistant: { sessions_per_user: 2 } } } });
    t.after(() => small.close());
    const person = await makeStudio(small, 'mina');
    await person.begin();
    await person.begin();
    const refused = await person.call('POST', '/conversations', { model_name: visionModel });
    assertRefused(refused, 403, '已达到数量上限');
  });

  test('not under maintenance, but for administrators', async (t) => {
    const closed = await startParley();
    t.after(() => closed.close());
    const [person, admin] = [await makeStudio(closed, 'mina'), await makeStudio(closed, 'boss', 'admin')];
    const said = '今晚十点恢复服务';
    await closed.app.core.maintenance.set(true, said);
    for (const [method, path] of [
      ['GET', '/conversations'],
      ['POST', '/conversations'],
      ['GET', '/conversations/1/messages'],
      ['GET', '/history/api-calls'],
      ['GET', '/history/conversations/statistics'],
    ] as const) {
      const refused = await person.call(method, path, undefined, english);
      assert.deepEqual([refused.status, refused.body], [503, { code: 503, message: said, data: null }]);
      assert.equal(refused.headers.get('retry-after'), '60');
    }
    assert.equal((await admin.call('GET', '/conversations')).status, 200);
    assert.equal((await person.call('GET', '/auth/user')).status, 200);
    assert.doesNotMatch(closed.log(), /a request failed/u, 'it is no fault to be logged');
  });
});

function assertRefused({ status, body }: Answer, expected: number, ...texts: string[]): void {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(Object.keys(body), ['code', 'message', 'data']);
  assert.deepEqual([body.code, body.data], [expected, null]);
  for (const text of texts) assert.ok(body.message.includes(text), body.message);
}
