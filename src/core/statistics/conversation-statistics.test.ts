import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { changeOf, newConversation, newPost } from '../../storage/sample-handoff.fixture.ts';
import { endOf, newTurn } from '../../storage/sample-turns.fixture.ts';
import { openTemporaryStorage } from '../completions/bench.fixture.ts';
import type { UserCaller } from '../identity/caller.ts';
import { createConversationStatistics } from './conversation-statistics.ts';

const person = (userId: number, role: UserCaller['role'] = 'user'): UserCaller => ({
  kind: 'user',
  ip: '192.0.2.7',
  userId,
  loginId: userId,
  contract: 'studio',
  role,
});
const ada = person(7);

async function createTested(t: TestContext) {
  const storage = await openTemporaryStorage(t);
  /** A question to one model that another answers. */
  const chat = async (day: string, asked: string, answering: string, userId = 7) => {
    const turn = await newTurn(storage, { userId, day, countedModel: asked });
    await storage.turns.begin(turn);
    await storage.turns.end(endOf(turn, { countedModel: answering, exchangeTokens: 9 }));
    return turn.conversation.id;
  };
  return { storage, chat, figures: createConversationStatistics({ totals: storage.chatTotals }) };
}

describe('statistics of conversations', () => {
  it('are by model and by day: of questions the model asked for, of answers the one that gave them', async (t) => {
    const { chat, figures } = await createTested(t);
    await chat('2026-09-20', 'qwen-plus', 'qwen-plus');
    await chat('2026-09-22', 'qwen-max', 'parley-local');
    await chat('2026-09-22', 'qwen-plus', 'qwen-plus');
    await chat('2026-09-22', 'qwen-plus', 'qwen-plus', 8);
    assert.deepEqual(await figures(ada, {}), {
      chats: 3,
      messages: 6,
      tokens: 27,
      models: [
        { model: 'qwen-plus', chats: 2, messages: 4, tokens: 18 },
        { model: 'parley-local', chats: 0, messages: 1, tokens: 9 },
        { model: 'qwen-max', chats: 1, messages: 1, tokens: 0 },
      ],
      days: [
        { day: '2026-09-20', chats: 1, messages: 2, tokens: 9 },
        { day: '2026-09-22', chats: 2, messages: 4, tokens: 18 },
      ],
    });
  });

  it('are narrowed by model and by days, both included', async (t) => {
    const { chat, figures } = await createTested(t);
    for (const day of ['2026-09-19', '2026-09-20', '2026-09-21', '2026-09-22']) {
      await chat(day, 'qwen-plus', 'qwen-plus');
    }
    await chat('2026-09-20', 'gpt-4o', 'gpt-4o');
    const range = { fromDay: '2026-09-20', toDay: '2026-09-21' };
    const both = await figures(ada, { ...range, model: 'qwen-plus' });
    assert.deepEqual(
      [both.chats, both.models.map(({ model }) => model), both.days.map(({ day }) => day)],
      [2, ['qwen-plus'], ['2026-09-20', '2026-09-21']],
    );
    assert.equal((await figures(ada, range)).chats, 3);
    const nothing = { chats: 0, messages: 0, tokens: 0, models: [], days: [] };
    assert.deepEqual(await figures(ada, { model: 'nothing' }), nothing);
  });

  it('have what concerned no model as unknown, and nothing of ratings alone', async (t) => {
    const { storage, chat, figures } = await createTested(t);
    const id = await chat('2026-09-20', '', 'gpt-4o');
    const rating = { conversationId: id, userId: 7, channel: 'assistant', score: 5, comment: null };
    await storage.conversations.rate({ ...rating, day: '2026-09-25', at: 1 });
    const { models, days } = await figures(ada, {});
    const unknown = { model: 'unknown', chats: 1, messages: 1, tokens: 0 };
    assert.deepEqual(models, [unknown, { model: 'gpt-4o', chats: 0, messages: 1, tokens: 9 }]);
    assert.equal(days.length, 1);
    assert.deepEqual((await figures(ada, { model: 'unknown' })).models, [unknown]);
  });

  it('count conversations without a word, and messages to people', async (t) => {
    const { storage, figures } = await createTested(t);
    const model = 'qwen-plus';
    const begun = await newConversation(storage, { userId: 7, customer: { userId: 7 }, countedModel: model });
    await storage.conversations.begin(begun);
    const found = await storage.conversations.find(begun.id);
    assert.ok(found);
    assert.equal(await storage.ownership.change(changeOf(found)), true);
    assert.equal(await storage.posts.post(await newPost(storage, found, { countedModel: model })), true);
    assert.deepEqual((await figures(ada, {})).models, [{ model, chats: 1, messages: 1, tokens: 0 }]);
  });

  it('are one’s own whatever one’s role', async (t) => {
    const { chat, figures } = await createTested(t);
    await chat('2026-09-20', 'qwen-plus', 'qwen-plus');
    assert.equal((await figures(person(3, 'admin'), {})).chats, 0);
  });

  it('are refused for what is no day, and an end before the start', async (t) => {
    const { figures } = await createTested(t);
    for (const [filter, field] of [
      [{ fromDay: '2026-02-29' }, 'start_date'],
      [{ toDay: 'today' }, 'end_date'],
      [{ fromDay: '2026-02-02', toDay: '2026-02-01' }, 'start_date'],
    ] as const) {
      await assert.rejects(figures(ada, filter), { code: 'invalid_request', field });
    }
  });
});
