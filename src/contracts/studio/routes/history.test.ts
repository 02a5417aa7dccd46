import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer, tokenOf } from '../../../../test/support/accounts.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { send, type Answered } from '../../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import {
  askStudio,
  makeStudio,
  studioWith,
  visionModel,
  type CallBody,
  type Envelope,
  type PaginationBody,
  type Studio,
} from '../../../../test/support/studio.ts';
import { startScriptedVendor, vendorUsage, type ScriptedVendor } from '../../../../test/support/vendor.ts';

interface CallsBody {
  api_calls: CallBody[];
  pagination: PaginationBody;
  summary: {
    request_tokens: number;
    response_tokens: number;
    total_tokens: number;
    costs: { currency: string; cost: number }[];
  };
}
interface Figures {
  conversation_count: number;
  message_count: number;
  token_count: number;
}
interface StatisticsBody {
  total_conversations: number;
  total_messages: number;
  total_tokens: number;
  model_statistics: (Figures & { model_name: string })[];
  daily_statistics: (Figures & { date: string })[];
}
type Answer<T = unknown> = Answered<Envelope<T>>;

/** studio.md, "查询API调用历史". */
const call = {
  id: 112233,
  user_id: 123456,
  conversation_id: 789012,
  message_id: 345678,
  model_name: 'qwen-vl-max-latest',
  api_endpoint: '/api/bailian/chat/completions',
  status_code: 200,
  request_tokens: 9,
  response_tokens: 12,
  total_tokens: 21,
  call_duration: 1200,
  client_ip: '192.168.1.100',
  created_at: '2023-01-01T00:00:00Z',
};
const pagination = { current_page: 1, per_page: 10, total: 1, total_pages: 1 };
/** studio.md, "查询对话历史统计". */
const figures = { conversation_count: 10, message_count: 85, token_count: 1700 };
const statistics = {
  total_conversations: 15,
  total_messages: 128,
  total_tokens: 2560,
  model_statistics: [{ model_name: 'qwen-vl-max-latest', ...figures }],
  daily_statistics: [{ date: '2023-01-01', ...figures }],
};

const dayMs = 24 * 60 * 60 * 1000;
const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);

let vendor: ScriptedVendor;
let parley: Parley;
before(async () => {
  vendor = await startScriptedVendor();
  parley = await startParley({
    dashScope: vendor.url,
    openAi: vendor.url,
    env: { PARLEY_FALLBACK: 'off', PARLEY_DEFAULT_MODEL: 'parley-local' },
  });
});
after(async () => {
  await parley.close();
  await vendor.close();
});

const calls = (who: Studio, query = '') => who.call<CallsBody>('GET', `/history/api-calls${query}`);
const sums = (who: Studio, query = '') =>
  who.call<StatisticsBody>('GET', `/history/conversations/statistics${query}`);

/** A person's calls once there are `count`. */
const atLeast = (who: Studio, count: number, query = '?limit=100') =>
  eventually(async () => {
    const { body } = await calls(who, query);
    return body.data.pagination.total >= count ? body.data : undefined;
  });

const prompt = [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }];
const proxied = { model: visionModel, messages: prompt };

async function viaProxy(who: Studio, body: object = proxied): Promise<void> {
  const answering = who.call('POST', '/bailian/chat/completions', body);
  (await vendor.next()).answer('Hello!');
  assert.equal((await answering).status, 200);
}

describe('studio: the calls to models', () => {
  test('are as the document shows, with what they cost', async () => {
    const mina = await makeStudio(parley, 'mina');
    assert.deepEqual((await calls(mina)).body.data, {
      api_calls: [],
      pagination: { ...pagination, total: 0, total_pages: 0 },
      summary: { request_tokens: 0, response_tokens: 0, total_tokens: 0, costs: [] },
    });
    await viaProxy(mina);
    const answer = await calls(mina);
    assert.deepEqual([answer.status, answer.body.code, answer.body.message], [200, 200, '获取成功']);
    assertShape(answer.body.data, { api_calls: [call], pagination }, [
      '.api_calls[].conversation_id',
      '.api_calls[].message_id',
    ]);
    const [shown] = answer.body.data.api_calls;
    const { prompt_tokens: asked, completion_tokens: said } = vendorUsage;
    assert.deepEqual(
      [shown?.user_id, shown?.model_name, shown?.api_endpoint, shown?.status_code],
      [mina.id, visionModel, '/api/bailian/chat/completions', 200],
    );
    assert.deepEqual(
      [shown?.request_tokens, shown?.response_tokens, shown?.total_tokens, shown?.client_ip],
      [asked, said, asked + said, '127.0.0.1'],
    );
    assert.deepEqual(
      [shown?.conversation_id, shown?.message_id, shown?.estimated, shown?.streamed, shown?.contract],
      [null, null, false, false, 'studio'],
    );
    assert.deepEqual([shown?.outcome, shown?.error_code, shown?.currency], ['success', null, 'CNY']);
    const [row] = await parley.calls(1);
    assert.ok((shown?.cost ?? 0) > 0);
    assert.equal(shown?.cost, (row?.costNano ?? 0) / 1e9);
    assert.equal(shown?.request_id, row?.requestId);
    assert.deepEqual(answer.body.data.summary, {
      request_tokens: asked,
      response_tokens: said,
      total_tokens: asked + said,
      costs: [{ currency: 'CNY', cost: shown?.cost }],
    });
  });

  test('come from every contract, each in the caller’s own list, and in nobody else’s', async () => {
    const [ada, ben] = [await makeStudio(parley, 'ada'), await makeStudio(parley, 'ben')];
    const post = async (path: string, body: object, headers = ada.headers) => {
      const answer = await send(`${parley.url}${path}`, 'POST', body, headers);
      assert.ok(answer.status < 300, `${path}: ${answer.status} ${await answer.text()}`);
      await answer.body?.cancel().catch(() => {});
    };
    const companion = bearer(await tokenOf(parley, 'ada', 'companion'));
    const message = 'Hello';
    await post('/api/v1/chat/completion', { message });
    await post('/v1/chat/completions', {
      model: 'parley-local',
      messages: [{ role: 'user', content: message }],
    });
    await post('/v1/embeddings', { model: 'parley-local-embedding', input: message });
    await post('/api/v1/chat', { message });
    await post('/api/v1/chat', { message }, companion);
    const begun = await send(`${parley.url}/api/v1/chat/sessions`, 'POST', {}, ada.headers);
    const { data } = (await begun.json()) as { data: { session_id: string } };
    await post('/api/v1/chat/messages', { session_id: data.session_id, content: message });
    await post('/api/bailian/chat/completions', { model: 'parley-local', messages: prompt });
    const id = await ada.begin('parley-local');
    const sent = await ada.exchange(id, message);
    const { api_calls: shown } = await atLeast(ada, 8);
    assert.deepEqual(shown.map(({ contract, api_endpoint }) => `${contract} ${api_endpoint}`).reverse(), [
      'gateway /api/v1/chat/completion',
      'openai /v1/chat/completions',
      'openai /v1/embeddings',
      'assistant /api/v1/chat',
      'companion /api/v1/chat',
      'helpdesk /api/v1/chat/messages',
      'studio /api/bailian/chat/completions',
      'studio /api/conversations/:conversation_id/messages',
    ]);
    for (const { user_id, status_code, outcome } of shown) {
      assert.deepEqual([user_id, status_code, outcome], [ada.id, 200, 'success']);
    }
    assert.deepEqual([shown[0]?.conversation_id, shown[0]?.message_id], [id, sent.reply?.message_id]);
    assert.equal((await calls(ben)).body.data.pagination.total, 0);
  });

  test('that failed are there, with the status and the reason', async () => {
    const eve = await makeStudio(parley, 'eve');
    const answering = eve.call('POST', '/bailian/chat/completions', proxied);
    for (let attempt = 0; attempt < 2; attempt++) (await vendor.next()).refuse(500, 'down');
    assert.equal((await answering).status, 503);
    const { api_calls: shown } = await atLeast(eve, 1);
    const [{ outcome, error_code, status_code, cost } = {} as CallBody] = shown;
    assert.deepEqual([outcome, error_code, status_code, cost], ['failure', 'provider_failed', 503, 0]);
  });

  test('of an API key are the key’s', async () => {
    const key = { 'x-api-key': await parley.key() };
    const ask = (method: string, path: string, body?: object) =>
      askStudio<CallsBody>(parley, method, path, body, key);
    const asked = { model: 'parley-local', messages: prompt };
    assert.equal((await ask('POST', '/bailian/chat/completions', asked)).status, 200);
    const { body } = await ask('GET', '/history/api-calls');
    const [{ user_id, model_name } = {} as CallBody, ...others] = body.data.api_calls;
    assert.deepEqual([user_id, model_name, others], [null, 'parley-local', []]);
    const other = { 'x-api-key': await parley.key() };
    const none = await askStudio<CallsBody>(parley, 'GET', '/history/api-calls', undefined, other);
    assert.equal(none.body.data.pagination.total, 0);
    const bare = { 'x-api-key': await parley.key({ scopes: ['cache'] }) };
    assertRefused(await askStudio(parley, 'GET', '/history/api-calls', undefined, bare), 403);
    assertRefused(await askStudio(parley, 'GET', '/history/conversations/statistics', undefined, key), 403);
  });
});

describe('studio: pages and filters of the history', () => {
  let lea: Studio;
  /** Newest first. */
  let all: CallBody[];
  let [first, last] = ['', ''];
  before(async () => {
    lea = await makeStudio(parley, 'lea');
    for (let day = 0; day < 3; day++) {
      for (let count = 0; count <= day * 2; count++) {
        if (count % 2 === 0) await viaProxy(lea);
        else await viaProxy(lea, { ...proxied, model: 'qwen-plus' });
      }
      if (day === 2) break;
      parley.advance(dayMs);
      // A token lives no day.
      lea = studioWith(parley, lea.id, await tokenOf(parley, 'lea', 'studio'));
    }
    all = (await atLeast(lea, 9)).api_calls;
    first = dayOf(Date.parse(all.at(-1)?.created_at ?? ''));
    last = dayOf(Date.parse(all[0]?.created_at ?? ''));
  });
  const idsOf = (shown: CallBody[]) => shown.map(({ id }) => id);

  test('newest first, ten a page', async () => {
    const { api_calls: shown, pagination: page } = (await calls(lea)).body.data;
    assert.deepEqual(idsOf(shown), idsOf(all));
    assert.deepEqual(
      idsOf(shown),
      idsOf(shown).toSorted((a, b) => b - a),
    );
    assert.deepEqual(page, { ...pagination, total: 9 });
  });

  for (const [page, limit, total_pages] of [
    [1, 4, 3],
    [2, 4, 3],
    [3, 4, 3],
    [4, 4, 3],
    [9, 1, 9],
    [1, 100, 1],
    [1_000_000_000, 100, 1],
  ] as const) {
    test(`page ${page} of ${limit}`, async () => {
      const { body } = await calls(lea, `?page=${page}&limit=${limit}`);
      assert.deepEqual(idsOf(body.data.api_calls), idsOf(all.slice((page - 1) * limit, page * limit)));
      const expected = { current_page: page, per_page: limit, total: 9, total_pages };
      assert.deepEqual(body.data.pagination, expected);
      assert.equal(body.data.summary.total_tokens, 9 * vendorUsage.total_tokens, 'of all pages');
    });
  }

  test('by the model, by days, and by both; both ends belong to it', async () => {
    const day = ({ created_at }: CallBody) => created_at.slice(0, 10);
    const filters: [query: string, matches: (shown: CallBody) => boolean][] = [
      [`model_name=${visionModel}`, ({ model_name }) => model_name === visionModel],
      ['model_name=qwen-plus', ({ model_name }) => model_name === 'qwen-plus'],
      ['model_name=none', () => false],
      ['model_name=&start_date=&end_date=', () => true],
      [`start_date=${last}`, (shown) => day(shown) >= last],
      [`end_date=${first}`, (shown) => day(shown) <= first],
      [`start_date=${first}&end_date=${first}`, (shown) => day(shown) === first],
      [`start_date=${first}&end_date=${last}`, () => true],
      ['end_date=2000-01-01', () => false],
      ['start_date=2999-12-31', () => false],
      [
        `start_date=${last}&model_name=qwen-plus`,
        (shown) => day(shown) >= last && shown.model_name === 'qwen-plus',
      ],
    ];
    for (const [query, matches] of filters) {
      const expected = all.filter(matches);
      const { body } = await calls(lea, `?${query}`);
      assert.deepEqual(idsOf(body.data.api_calls), idsOf(expected), query);
      assert.equal(body.data.pagination.total, expected.length, query);
      const tokens = expected.reduce((sum, { total_tokens }) => sum + total_tokens, 0);
      assert.equal(body.data.summary.total_tokens, tokens, query);
      const second = await calls(lea, `?${query}&limit=2&page=2`);
      assert.deepEqual(idsOf(second.body.data.api_calls), idsOf(expected.slice(2, 4)), query);
    }
    assert.ok(
      all.some(({ model_name }) => model_name === 'qwen-plus'),
      'there was something to tell apart',
    );
  });

  for (const [query, field, text] of [
    ['page=0', 'page', '不少于 1'],
    ['page=-1', 'page', '不少于 1'],
    ['page=x', 'page', '必须是整数'],
    ['limit=0', 'limit', '在 1 到 100 之间'],
    ['limit=101', 'limit', '在 1 到 100 之间'],
    ['limit=1e999', 'limit', '在 1 到 100 之间'],
    [`model_name=${'m'.repeat(201)}`, 'model_name', '不超过 200'],
  ] as const) {
    test(`?${query.slice(0, 20)} is 400`, async () =>
      assertRefused(await calls(lea, `?${query}`), 400, `${field} `, text));
  }

  for (const [query, field, text] of [
    ['start_date=2026-02-30', 'start_date', 'YYYY-MM-DD'],
    ['end_date=2026-13-01', 'end_date', 'YYYY-MM-DD'],
    ['start_date=2026-1-1', 'start_date', 'YYYY-MM-DD'],
    ['start_date=20260101', 'start_date', 'YYYY-MM-DD'],
    ['start_date=2026-01-01T00:00:00Z', 'start_date', 'YYYY-MM-DD'],
    ['end_date=today', 'end_date', 'YYYY-MM-DD'],
    ['end_date=0000-00-00', 'end_date', 'YYYY-MM-DD'],
    ['start_date=2026-02-01&start_date=2026-02-02', 'start_date', '必须是字符串'],
    ['start_date=2026-02-02&end_date=2026-02-01', 'start_date', '不能晚于结束日期 2026-02-01'],
  ] as const) {
    test(`?${query} is 400, of calls and of statistics`, async () => {
      for (const ask of [calls, sums]) {
        assertRefused(await ask(lea, `?${query}`), 400, `${field} `, text);
        const english = { 'accept-language': 'en' };
        const path = ask === calls ? '/history/api-calls' : '/history/conversations/statistics';
        const said = await lea.call('GET', `${path}?${query}`, undefined, english);
        assertRefused(said, 400, `${field}: must`);
      }
    });
  }
});

describe('studio: statistics of conversations', () => {
  test('are as the document shows, by model and by day', async () => {
    const [kim, bystander] = [await makeStudio(parley, 'kim'), await makeStudio(parley, 'bystander')];
    const nothing = { total_conversations: 0, total_messages: 0, total_tokens: 0 };
    assert.deepEqual((await sums(kim)).body.data, {
      ...nothing,
      model_statistics: [],
      daily_statistics: [],
    });
    const [one, two] = [await kim.begin('parley-local'), await kim.begin('gpt-4o-mini')];
    await kim.exchange(one, 'Hello');
    const answering = kim.exchange(two, 'Hello');
    const asked = await vendor.next();
    await asked.delta('Hi');
    asked.finish();
    await answering;

    const { status, body } = await sums(kim);
    assert.deepEqual([status, body.message], [200, '获取成功']);
    assertShape(body.data, statistics);
    assert.deepEqual([body.data.total_conversations, body.data.total_messages], [2, 4]);
    const byName = Object.fromEntries(body.data.model_statistics.map((row) => [row.model_name, row]));
    assert.deepEqual(
      Object.keys(byName).toSorted((a, b) => a.localeCompare(b)),
      ['gpt-4o-mini', 'parley-local'],
    );
    for (const { conversation_count: chats, message_count: messages, token_count } of Object.values(byName)) {
      assert.deepEqual([chats, messages], [1, 2]);
      assert.ok(token_count > 0);
    }
    const tokens = body.data.model_statistics.reduce((sum, { token_count }) => sum + token_count, 0);
    assert.equal(body.data.total_tokens, tokens);
    const [today, ...others] = body.data.daily_statistics;
    assert.deepEqual(others, []);
    assert.deepEqual(
      [today?.conversation_count, today?.message_count, today?.token_count],
      [2, 4, body.data.total_tokens],
    );

    const narrowed = (await sums(kim, `?model_name=parley-local&start_date=${today?.date}`)).body.data;
    assert.deepEqual([narrowed.total_conversations, narrowed.total_messages], [1, 2]);
    assert.deepEqual(narrowed.model_statistics, [byName['parley-local']]);
    const earlier = (await sums(kim, '?end_date=2000-01-01')).body.data;
    assert.deepEqual(earlier, { ...nothing, model_statistics: [], daily_statistics: [] });
    assert.equal((await sums(bystander)).body.data.total_messages, 0);
  });

  test('stay as they are when conversations are deleted', async () => {
    const pat = await makeStudio(parley, 'pat');
    const id = await pat.begin('parley-local');
    await pat.exchange(id, 'Hello');
    const before = (await sums(pat)).body.data;
    assert.equal((await pat.call('DELETE', `/conversations/${id}`)).status, 200);
    assert.deepEqual((await sums(pat)).body.data, before);
    assert.equal((await calls(pat)).body.data.pagination.total, 1);
  });
});

describe('studio: who sees a history', () => {
  for (const path of ['/history/api-calls', '/history/conversations/statistics']) {
    test(`${path} is nobody’s who is not logged in`, async () => {
      assertRefused(await askStudio(parley, 'GET', path), 401, '未认证');
      assertRefused(await askStudio(parley, 'GET', path, undefined, bearer('a.b.c')), 401, '令牌无效');
      const wrong = { 'x-api-key': 'pk_wrong' };
      assertRefused(await askStudio(parley, 'GET', path, undefined, wrong), 401);
    });
  }
});

function assertRefused({ status, body }: Answer, expected: number, ...texts: string[]): void {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(Object.keys(body), ['code', 'message', 'data']);
  assert.deepEqual([body.code, body.data], [expected, null]);
  for (const text of texts) assert.ok(body.message.includes(text), body.message);
}
