import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LLMock } from '@copilotkit/aimock';
import { bearer, makeAccount, tokenOf } from './support/accounts.ts';
import { eventually } from './support/eventually.ts';
import { complete, read, send, stream } from './support/gateway.ts';
import { askHelpdesk, beginSession, helpdeskLogin, sendMessage, type Success } from './support/helpdesk.ts';
import { startParley, type Parley } from './support/parley.ts';
import { askStudio, studioToken } from './support/studio.ts';
import { startMock, startScriptedVendor, type ScriptedVendor } from './support/vendor.ts';

interface Shown {
  month: string;
  unit: string;
  limit: number | null;
  spent: number;
  reserved: number;
  remaining: number | null;
  resets_at: string;
}

const model = 'gpt-4';
const messages = [{ role: 'user', content: 'Hello' }];

describe('over budget', () => {
  let mock: LLMock;
  let parley: Parley;
  let admin: Record<string, string>;
  let id: number;
  before(async () => {
    mock = await startMock();
    parley = await startParley({ openAi: mock.url, yaml: { fallback: { default: [] } } });
    await makeAccount(parley, 'boss', 'admin');
    ({ id } = await makeAccount(parley, 'mina'));
    admin = await helpdeskLogin(parley, 'boss');
    const { status } = await budget({ amount: 0.0001, currency: 'USD' });
    assert.equal(status, 200);
  });
  after(async () => {
    await parley.close();
    await mock.stop();
  });

  const budget = (wanted: unknown) =>
    askHelpdesk<Success<{ budget: unknown }>>(parley, 'PUT', `/admin/users/${id}`, { budget: wanted }, admin);
  const asked = (path: string, body: unknown, headers: Record<string, string>) =>
    read<Record<string, unknown>>(send(`${parley.url}${path}`, 'POST', body, headers));
  const untilTheMonthEnds = (headers: Headers) => {
    const seconds = Number(headers.get('retry-after'));
    const now = new Date();
    const left = (Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1) - now.getTime()) / 1000;
    assert.ok(Math.abs(seconds - left) < 60, `${seconds} of ${left} s`);
  };
  const conversationsOfMina = async () =>
    (await parley.app.core.conversations.list(
      { kind: 'user', ip: '', userId: id, loginId: 0, contract: 'assistant', role: 'user' },
      { skip: 0, limit: 10 },
    )) as unknown;

  test('assistant says CHAT001, and keeps nothing of the question', async () => {
    const before = await conversationsOfMina();
    const headers = bearer(await tokenOf(parley, 'mina'));
    const { status, body, headers: said } = await asked('/api/v1/chat', { message: 'Hello', model }, headers);
    assert.deepEqual([status, (body.error as { code: string }).code], [403, 'CHAT001']);
    assert.match((body.error as { message: string }).message, /this month's budget of 0\.0001 USD/);
    untilTheMonthEnds(said);
    assert.deepEqual(await conversationsOfMina(), before);
  });

  test('companion says 429', async () => {
    const headers = bearer(await tokenOf(parley, 'mina', 'companion'));
    const { status, body } = await asked('/api/v1/chat', { message: 'Hello' }, headers);
    assert.equal(status, 429);
    assert.match(body.detail as string, /budget/);
  });

  test('helpdesk says RATE_LIMIT_EXCEEDED, in Chinese', async () => {
    const headers = await helpdeskLogin(parley, 'mina');
    const { session_id } = await beginSession(parley, {}, headers);
    const { status, body } = await sendMessage<{ error: { code: string; message: string; details: object } }>(
      parley,
      session_id,
      'Hello',
      headers,
    );
    assert.deepEqual([status, body.error.code], [429, 'RATE_LIMIT_EXCEEDED']);
    assert.match(body.error.message, /^本月预算为 0\.0001 USD/);
    assert.deepEqual(Object.keys(body.error.details), ['month', 'resets_at']);
  });

  test('studio says 429, for messages and through the proxy, whole and streamed', async () => {
    const headers = bearer(await studioToken(parley, 'mina'));
    const begun = await askStudio<{ conversation_id: number }>(
      parley,
      'POST',
      '/conversations',
      { model_name: model },
      headers,
    );
    const content = [{ type: 'text', text: 'Hello' }];
    const path = `/conversations/${begun.body.data.conversation_id}/messages`;
    const sent = await askStudio(parley, 'POST', path, { content }, headers);
    assert.deepEqual([sent.status, sent.body.code, sent.body.data], [429, 429, null]);
    assert.match(sent.body.message, /^本月预算为/);
    for (const more of [{}, { stream: true }]) {
      const body = { model, messages: [{ role: 'user', content }], ...more };
      const relayed = await askStudio(parley, 'POST', '/bailian/chat/completions', body, headers);
      assert.deepEqual([relayed.status, relayed.body.code], [429, 429]);
    }
  });

  test('gateway has a code of its own, whole and streamed', async () => {
    const headers = bearer(await tokenOf(parley, 'mina'));
    const { status, body } = await complete<{ code: string }>(parley.url, { model, message: 'Hi' }, headers);
    assert.deepEqual([status, body.code], [429, 'BUDGET_EXCEEDED']);
    const streamed = await stream(parley.url, { model, message: 'Hi' }, headers);
    assert.equal(streamed.status, 429);
    await streamed.arrayBuffer();
  });

  test('OpenAI’s clients hear insufficient_quota, keys of their own budget', async () => {
    const made = await askHelpdesk<Success<{ api_key: string; id: number }>>(
      parley,
      'POST',
      '/admin/api-keys',
      { name: 'shop', scopes: ['completions'], budget: { tokens: 100 } },
      admin,
    );
    const headers = bearer(made.body.data.api_key);
    const { status, body } = await asked('/v1/chat/completions', { model, messages }, headers);
    const { code, type } = body.error as { code: string; type: string };
    assert.deepEqual([status, code, type], [429, 'insufficient_quota', 'insufficient_quota']);
    const small = await asked('/v1/chat/completions', { model, messages, max_tokens: 20 }, headers);
    assert.equal(small.status, 200);
    const embedded = await asked(
      '/v1/embeddings',
      { model: 'text-embedding-3-small', input: 'word '.repeat(200) },
      headers,
    );
    assert.equal(embedded.status, 429);
    const listed = await askHelpdesk<Success<{ api_keys: { id: number; budget: unknown }[] }>>(
      parley,
      'GET',
      '/admin/api-keys',
      undefined,
      admin,
    );
    const key = listed.body.data.api_keys.find(({ id: listedId }) => listedId === made.body.data.id);
    assert.deepEqual(key?.budget, { tokens: 100 });
  });

  test('nobody of these has reached the vendor, and none is in the books', async () => {
    assert.equal(mock.getRequests().length, 1, 'the one call that fits');
    assert.equal((await parley.calls(1)).length, 1);
  });
});

describe('a user’s budget', () => {
  let mock: LLMock;
  let parley: Parley;
  let admin: Record<string, string>;
  let id: number;
  let user: Record<string, string>;
  before(async () => {
    mock = await startMock();
    parley = await startParley({ openAi: mock.url });
    await makeAccount(parley, 'boss', 'admin');
    ({ id } = await makeAccount(parley, 'mina'));
    admin = await helpdeskLogin(parley, 'boss');
    user = bearer(await studioToken(parley, 'mina'));
  });
  after(async () => {
    await parley.close();
    await mock.stop();
  });

  const set = <T = Success<{ budget: unknown }>>(wanted: unknown) =>
    askHelpdesk<T>(parley, 'PUT', `/admin/users/${id}`, { budget: wanted }, admin);
  const view = async () =>
    (await askStudio<Shown>(parley, 'GET', '/history/budget', undefined, user)).body.data;
  const chat = (headers = user) =>
    read<object>(
      send(`${parley.url}/api/v1/chat`, 'POST', { message: 'Hello', model, max_tokens: 50 }, headers),
    );

  test('is shown to them, with what is spent of it', async () => {
    const none = await view();
    assert.deepEqual(
      [none.unit, none.limit, none.spent, none.reserved, none.remaining],
      ['tokens', null, 0, 0, null],
    );
    const answer = await set({ amount: 1.5, currency: 'USD' });
    assert.deepEqual(answer.body.data.budget, { amount: 1.5, currency: 'USD' });
    assert.equal((await chat()).status, 200);
    // 10 tokens at 30 dollars a million, 15 at 60.
    const spent = 0.0012;
    const { month, resets_at, ...figures } = await view();
    assert.deepEqual(figures, { unit: 'USD', limit: 1.5, spent, reserved: 0, remaining: 1.4988 });
    assert.match(month, /^\d{4}-\d\d$/);
    assert.match(resets_at, /^\d{4}-\d\d-01T00:00:00\.000Z$/);
  });

  test('is in the audit log, and among the accounts', async () => {
    const audit = await askHelpdesk<Success<{ entries: { action: string; details: object }[] }>>(
      parley,
      'GET',
      '/admin/audit-log?limit=1',
      undefined,
      admin,
    );
    assert.deepEqual(audit.body.data.entries[0]?.details, { budget: { amount: 1.5, currency: 'USD' } });
    const users = await askHelpdesk<Success<{ users: { id: number; budget: unknown }[] }>>(
      parley,
      'GET',
      '/admin/users',
      undefined,
      admin,
    );
    assert.deepEqual(
      users.body.data.users.map(({ budget }) => budget),
      [null, null, { amount: 1.5, currency: 'USD' }],
    );
  });

  test('holds at once when it is lowered, and is gone when it is taken away', async () => {
    await set({ tokens: 10 });
    assert.equal((await chat(bearer(await tokenOf(parley, 'mina')))).status, 403);
    await set(null);
    assert.equal((await chat(bearer(await tokenOf(parley, 'mina')))).status, 200);
    assert.equal((await view()).limit, null);
  });

  for (const [wanted, field] of [
    [{}, 'budget.tokens'],
    [{ amount: 1 }, 'budget.currency'],
    [{ tokens: 1, currency: 'USD' }, 'budget.currency'],
    [{ tokens: 1, amount: 1, currency: 'USD' }, 'budget.amount'],
    [{ tokens: 1.5 }, 'budget.tokens'],
    [{ tokens: -1 }, 'budget.tokens'],
    [{ amount: 1, currency: 'EUR' }, 'budget.currency'],
    [{ amount: 2_000_000, currency: 'USD' }, 'budget.amount'],
    ['10USD', 'budget'],
  ] as const) {
    test(`is refused: ${JSON.stringify(wanted)}`, async () => {
      const { status, body } = await set<{ error: { details: { field: string } } }>(wanted);
      assert.deepEqual([status, body.error.details.field], [400, field]);
    });
  }

  test('is never exceeded by what comes at once through every door, and equals the books afterwards', async () => {
    const { spent } = await view();
    // Room for some of them; each takes 25 tokens and is thought to take more.
    await set({ tokens: spent + 400 });
    const assistant = bearer(await tokenOf(parley, 'mina'));
    const started = Array.from({ length: 40 }, async (_, index) => {
      const door = index % 4;
      if (door === 0) return (await chat(assistant)).status;
      if (door === 1) {
        const body = { model, messages, max_tokens: 50 };
        return (await read(send(`${parley.url}/v1/chat/completions`, 'POST', body, user))).status;
      }
      const asked = { model, message: 'Hello', max_tokens: 50 };
      if (door === 2) {
        const leaving = new AbortController();
        const streamed = await stream(parley.url, asked, user, leaving.signal);
        if (index % 8 === 2) leaving.abort();
        else await streamed.arrayBuffer();
        return streamed.status;
      }
      return (await complete(parley.url, asked, { ...user, 'cache-control': 'no-store' })).status;
    });
    const statuses = await Promise.all(started);
    assert.ok(statuses.includes(200) && statuses.some((status) => status === 429 || status === 403));
    const after = await eventually(async () => {
      const now = await view();
      return now.reserved === 0 ? now : undefined;
    });
    assert.ok(after.spent <= spent + 400, `${after.spent} of ${spent + 400}`);
    const calls = await parley.calls(1);
    const booked = calls
      .filter(({ userId, outcome }) => userId === id && outcome !== 'cache_hit')
      .reduce((sum, { promptTokens, completionTokens }) => sum + promptTokens + completionTokens, 0);
    assert.equal(after.spent, booked);
    await parley.restart();
    user = bearer(await studioToken(parley, 'mina'));
    assert.equal((await view()).spent, booked, 'a new process reads the same');
    admin = await helpdeskLogin(parley, 'boss');
    await set(null);
  });

  test('of the configuration is everybody’s who has none of their own', async () => {
    const bounded = await startParley({
      openAi: mock.url,
      yaml: { budgets: { per_user: '10tokens', per_key: '10tokens' } },
    });
    try {
      const account = await makeAccount(bounded, 'mina');
      const token = await studioToken(bounded, 'mina');
      const asked = { model, message: 'Hello' };
      assert.equal((await complete(bounded.url, asked, bearer(token))).status, 429);
      assert.equal((await complete(bounded.url, asked, bearer(await bounded.key()))).status, 429);
      assert.equal((await complete(bounded.url, asked)).status, 200, 'nobody in particular');
      const shown = await askStudio<Shown>(bounded, 'GET', '/history/budget', undefined, bearer(token));
      assert.deepEqual([shown.body.data.unit, shown.body.data.limit], ['tokens', 10]);
      assert.ok(account.id > 0);
    } finally {
      await bounded.close();
    }
  });
});

describe('what is set aside for an answer in a conversation', () => {
  let vendor: ScriptedVendor;
  let parley: Parley;
  let admin: Record<string, string>;
  let user: Record<string, string>;
  before(async () => {
    vendor = await startScriptedVendor();
    parley = await startParley({
      openAi: vendor.url,
      env: { PARLEY_FALLBACK: 'off' },
      yaml: { budgets: { per_user: '100000tokens' } },
    });
    await makeAccount(parley, 'boss', 'admin');
    await makeAccount(parley, 'mina');
    admin = await helpdeskLogin(parley, 'boss');
    user = bearer(await tokenOf(parley, 'mina'));
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });

  const view = async () =>
    (await askStudio<Shown>(parley, 'GET', '/history/budget', undefined, user)).body.data;
  /** A question whose answer has said its first word. */
  const ask = async () => {
    const answered = read<{ session_id: number }>(
      send(`${parley.url}/api/v1/chat`, 'POST', { message: 'Hello', model }, user),
    );
    const call = await vendor.next();
    await call.delta('Well');
    const { reserved } = await view();
    assert.ok(reserved > 1_000, `${reserved} tokens are set aside`);
    const listed = await read<{ id: number }[]>(
      send(`${parley.url}/api/v1/chat/sessions?limit=1`, 'GET', undefined, user),
    );
    return { call, answered, id: listed.body[0]?.id ?? 0 };
  };
  const comesBack = async () => {
    const now = await eventually(async () => {
      const shown = await view();
      return shown.reserved === 0 ? shown : undefined;
    });
    const calls = await parley.calls(1);
    const booked = calls.reduce((sum, row) => sum + row.promptTokens + row.completionTokens, 0);
    assert.equal(now.spent, booked);
  };
  const ways: [string, (asked: Awaited<ReturnType<typeof ask>>) => Promise<unknown>][] = [
    ['it is whole', ({ call }) => Promise.resolve(call.finish())],
    ['the vendor breaks off', ({ call }) => Promise.resolve(call.destroy())],
    [
      'it is stopped',
      ({ id }) => send(`${parley.url}/api/v1/chat/sessions/${id}/stop`, 'POST', undefined, user),
    ],
    [
      'a person takes the conversation',
      ({ id }) => askHelpdesk(parley, 'POST', `/admin/conversations/${id}/assign`, {}, admin),
    ],
    [
      'the conversation is deleted',
      ({ id }) => send(`${parley.url}/api/v1/chat/sessions/${id}`, 'DELETE', undefined, user),
    ],
  ];
  for (const [what, end] of ways) {
    test(`comes back when ${what}`, async () => {
      const asked = await ask();
      await end(asked);
      await asked.answered;
      await comesBack();
    });
  }
});
