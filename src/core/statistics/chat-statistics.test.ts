import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openStorage } from '../../storage/storage.ts';
import { temporaryFolder } from '../../storage/temporary-folder.fixture.ts';
import type { Role, UserCaller } from '../identity/caller.ts';
import { createFakeRuntime } from '../runtime.fixture.ts';
import { createDayOf } from './calendar.ts';
import { createChatStatistics } from './chat-statistics.ts';

const person = (userId: number, role: Role = 'user'): UserCaller => ({
  kind: 'user',
  ip: '192.0.2.7',
  userId,
  loginId: userId,
  contract: 'assistant',
  role,
});
const [ada, bob, agent, admin] = [person(1), person(2), person(3, 'agent'), person(4, 'admin')];

/** Statistics over a real store, at noon (UTC) of the 21st of September 2026. */
async function createTested(t: TestContext, timeZone = 'UTC') {
  const storage = await openStorage({ path: join(temporaryFolder(t), 'parley.db') });
  t.after(() => storage.close());
  const runtime = createFakeRuntime();
  const { conversations, messages, turns } = storage;
  const chat = async (day: string, responseMs: number, { userId }: UserCaller = ada) => {
    const conversationId = await conversations.nextId();
    const [questionId, id] = [await messages.nextId(), await messages.nextId()];
    const counted = { day, countedModel: 'parley-local' };
    const common = { userId, channel: 'assistant', questionId, id, at: runtime.now(), ...counted };
    await turns.begin({
      ...common,
      conversation: {
        kind: 'new',
        id: conversationId,
        key: `key-${id}`,
        title: 'Why?',
        customer: { userId },
      },
      systemPrompt: undefined,
      question: 'Why?',
      questionTokens: 2,
      state: 'running',
      node: 'here',
      leaseUntil: runtime.now(),
      origin: null,
    });
    await turns.end({
      ...common,
      conversationId,
      fence: 1,
      state: 'completed',
      content: 'Because.',
      tokens: 3,
      exchangeTokens: 9,
      estimated: false,
      model: 'parley-local',
      finishReason: 'stop',
      errorCode: null,
      errorText: null,
      citations: null,
      responseMs,
      call: null,
    });
  };
  const statistics = createChatStatistics({
    totals: storage.chatTotals,
    dayOf: createDayOf(timeZone),
    runtime,
  });
  const days = async (from?: string, to?: string) =>
    (await statistics.daily(ada, from, to)).map(({ day }) => day);
  return { runtime, chat, statistics, days };
}

const zeros = { chats: 0, messages: 0, answers: 0, responseMs: 0, tokens: 0, errors: 0 };
const busy = { chats: 2, messages: 4, answers: 2, responseMs: 201, tokens: 18, errors: 0 };
const unrated = { ratings: 0, satisfied: 0 };

describe('daily figures', () => {
  it('have a row for every day, with zeros where nothing was', async (t) => {
    const { chat, statistics } = await createTested(t);
    await chat('2026-02-28', 100);
    await chat('2026-02-28', 101);
    assert.deepEqual(await statistics.daily(ada, '2026-02-27', '2026-03-01'), [
      { ...zeros, ...unrated, avgResponseMs: 0, day: '2026-02-27' },
      { ...busy, ...unrated, avgResponseMs: 101, day: '2026-02-28' },
      { ...zeros, ...unrated, avgResponseMs: 0, day: '2026-03-01' },
    ]);
  });

  it('are of the last 30 days unless a range is asked for', async (t) => {
    const { days } = await createTested(t);
    const common = await days();
    assert.deepEqual([common.length, common[0], common.at(-1)], [30, '2026-08-23', '2026-09-21']);
    assert.deepEqual(await days('2026-09-19'), ['2026-09-19', '2026-09-20', '2026-09-21']);
    const upTo = await days(undefined, '2026-01-05');
    assert.deepEqual([upTo.length, upTo[0], upTo.at(-1)], [30, '2025-12-07', '2026-01-05']);
    assert.deepEqual(await days(undefined, '0000-01-02'), ['0000-01-01', '0000-01-02']);
  });

  it('end today as it is in the server’s time zone', async (t) => {
    const { runtime, days } = await createTested(t, 'Asia/Shanghai');
    runtime.time = Date.parse('2026-09-21T16:00:00Z');
    assert.equal((await days()).at(-1), '2026-09-22');
  });

  it('are of one day, a leap year, and no day is left out or doubled', async (t) => {
    const { days } = await createTested(t);
    assert.deepEqual(await days('2026-09-21', '2026-09-21'), ['2026-09-21']);
    const leap = await days('2028-01-01', '2028-12-31');
    assert.deepEqual([leap.length, new Set(leap).size, leap[59]], [366, 366, '2028-02-29']);
  });

  for (const [from, to, field] of [
    ['2026-02-30', '2026-03-05', 'start_date'],
    ['2026-01-01', '2026-13-01', 'end_date'],
    ['2026-02-29', undefined, 'start_date'],
    ['2026-1-1', undefined, 'start_date'],
    ['2026-01-01T00:00:00Z', undefined, 'start_date'],
    [undefined, '', 'end_date'],
    [undefined, 'today', 'end_date'],
    ['2026-03-02', '2026-03-01', 'start_date'],
    ['2026-09-22', undefined, 'start_date'],
    ['2025-01-01', '2026-01-02', 'start_date'],
  ] as const) {
    it(`are refused from ${from} to ${to}`, async (t) => {
      const { days } = await createTested(t);
      await assert.rejects(days(from, to), { code: 'invalid_request', field });
    });
  }
});

describe('figures', () => {
  it('are a user’s own; agents’ and administrators’ are the whole service’s', async (t) => {
    const { chat, statistics } = await createTested(t);
    await chat('2026-09-21', 10);
    await chat('2026-09-21', 30, bob);
    await chat('2026-09-20', 50, bob);
    for (const [caller, total, today, avgResponseMs] of [
      [ada, 1, 1, 10],
      [bob, 2, 1, 40],
      [agent, 3, 2, 30],
      [admin, 3, 2, 30],
    ] as const) {
      const figures = await statistics.total(caller);
      assert.deepEqual([figures.chats, figures.avgResponseMs], [total, avgResponseMs]);
      assert.equal((await statistics.today(caller)).chats, today);
      const [row] = (await statistics.daily(caller)).slice(-1);
      assert.equal(row?.chats, today);
    }
    assert.deepEqual(await statistics.total(person(9)), { ...zeros, ...unrated, avgResponseMs: 0 });
  });
});
