import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Message, NewPart } from '../../storage/messages.ts';
import { openStorage } from '../../storage/storage.ts';
import { temporaryFolder } from '../../storage/temporary-folder.fixture.ts';
import type { TurnEnd } from '../../storage/turns.ts';
import { createCatalogue } from '../completions/catalogue.ts';
import { createIdempotency } from '../idempotency.ts';
import type { Caller, Role, UserCaller } from '../identity/caller.ts';
import { createFakeRuntime } from '../runtime.fixture.ts';
import { createConversations } from './conversations.ts';

const idleMs = 1_800_000;
const notFound = { code: 'not_found', message: 'There is no such conversation.' };

const person = (userId: number, role: Role = 'user'): UserCaller => ({
  kind: 'user',
  ip: '192.0.2.7',
  userId,
  loginId: userId,
  contract: 'assistant',
  role,
});
const ada = person(1);
const bob = person(2);

const shipped = { provider: 'local', capabilities: ['chat' as const] };
const catalogue = createCatalogue(
  [
    { id: 'parley-local', ...shipped },
    { id: 'qwen-plus', aliases: ['qwen-plus-latest'], ...shipped },
    { id: 'embedder', provider: 'local', capabilities: ['embedding'] },
  ],
  [],
);
const models = { catalogue, defaultModel: () => 'parley-local' };

interface Saying {
  by?: UserCaller;
  in?: number;
  channel?: string;
  text?: string;
  parts?: readonly NewPart[];
}

/** Conversations over a real store; turns are begun and ended in the store itself. */
async function createTested(t: TestContext) {
  const storage = await openStorage({ path: join(temporaryFolder(t), 'parley.db') });
  t.after(() => storage.close());
  const runtime = createFakeRuntime();
  const woken: [number, number | null][] = [];
  const stopped: number[] = [];
  const { messages, turns } = storage;
  const conversations = createConversations({
    conversations: storage.conversations,
    messages,
    feed: storage.feed,
    idempotency: createIdempotency({ keys: storage.idempotencyKeys, runtime }),
    idleMs,
    conversationsPerUser: 200,
    runtime,
    dayOf: () => '2026-09-21',
    wake: (...who) => void woken.push(who),
    textOf: (id) => turns.textOf(id),
    stopTurns: async (id) => void stopped.push(id),
    stopTurnsOf: async (_id, messageId) => void stopped.push(messageId),
    ...models,
  });

  /** Asks; where no conversation is named, in a new one. */
  const ask = async (asked: Saying = {}) => {
    const { by = ada, channel = 'assistant', text = 'Why?' } = asked;
    const id = asked.in ?? (await storage.conversations.nextId());
    const [questionId, turnId] = [await messages.nextId(), await messages.nextId()];
    await turns.begin({
      conversation:
        asked.in === undefined
          ? { kind: 'new', id, key: `key-${id}`, title: text, customer: { userId: by.userId } }
          : { kind: 'existing', id },
      userId: by.userId,
      channel,
      systemPrompt: undefined,
      questionId,
      question: text,
      parts: asked.parts,
      questionTokens: 2,
      id: turnId,
      state: 'running',
      node: 'here',
      leaseUntil: runtime.now() + 1000,
      at: runtime.now(),
      day: '2026-09-21',
      countedModel: 'parley-local',
      origin: null,
    });
    return { id, questionId, turnId, by, channel };
  };
  const answer = async (asked: Awaited<ReturnType<typeof ask>>, content = 'Because.') => {
    const end: TurnEnd = {
      id: asked.turnId,
      conversationId: asked.id,
      questionId: asked.questionId,
      userId: asked.by.userId,
      channel: asked.channel,
      fence: 1,
      state: 'completed',
      content,
      tokens: 3,
      exchangeTokens: 9,
      estimated: false,
      model: 'parley-local',
      finishReason: 'stop',
      errorCode: null,
      errorText: null,
      citations: null,
      at: runtime.now(),
      day: '2026-09-21',
      countedModel: 'parley-local',
      responseMs: 5,
      call: null,
    };
    assert.equal(await turns.end(end), true);
    return asked;
  };
  const chat = async (asked?: Parameters<typeof ask>[0]) => answer(await ask(asked));
  return { storage, runtime, conversations, ask, answer, chat, woken, stopped };
}

const texts = (messages: Message[]) => messages.map(({ content }) => content);
const page = { skip: 0, limit: 20 };

describe('somebody else’s conversation is not there', () => {
  for (const [what, caller, id] of [
    ['another user', bob, 1],
    ['an agent, who comes through other doors', person(3, 'agent'), 1],
    ['the owner of a missing one', ada, 99],
  ] as const) {
    it(`for ${what}`, async (t) => {
      const { storage, conversations, chat, woken, stopped } = await createTested(t);
      await chat();
      const ways = [
        conversations.get(caller, id),
        conversations.messages(caller, id, page),
        conversations.recent(caller, id, 5),
        conversations.messagePage(caller, id, page),
        conversations.rename(caller, id, 'Mine now'),
        conversations.remove(caller, id),
        conversations.rate(caller, id, { score: 1 }),
        conversations.acknowledge(caller, { conversationId: id, upTo: 99, receipt: 'read' }),
      ];
      for (const way of await Promise.allSettled(ways)) {
        assert.equal(way.status, 'rejected');
        assert.deepEqual({ code: way.reason.code, message: way.reason.message }, notFound);
      }
      assert.deepEqual([woken, stopped], [[], []]);
      assert.equal((await storage.conversations.find(1))?.title, 'Why?');
      assert.equal((await storage.messages.find(2))?.receipt, 'sent');
    });
  }
});

describe('conversations are read', () => {
  it('in lists, newest first, the caller’s only', async (t) => {
    const { conversations, chat } = await createTested(t);
    await chat({ text: 'first' });
    await chat({ by: bob, text: 'his' });
    await chat({ text: 'second', channel: 'companion' });
    const titles = async (skip: number, limit: number) =>
      (await conversations.list(ada, { skip, limit })).map(({ title }) => title);
    assert.deepEqual(await titles(0, 20), ['second', 'first']);
    assert.deepEqual(await titles(1, 1), ['first']);
    assert.deepEqual(await titles(2, 1), []);
    assert.equal((await conversations.get(ada, 1)).messageCount, 2);
  });

  it('message by message: all oldest first, the newest few, a user’s whole history', async (t) => {
    const { conversations, ask, answer, chat } = await createTested(t);
    await answer(await ask({ text: 'a' }), 'b');
    await answer(await ask({ in: 1, text: 'c' }), 'd');
    await chat({ by: bob });
    await answer(await ask({ channel: 'companion', text: 'e' }), 'f');
    assert.deepEqual(texts(await conversations.messages(ada, 1, page)), ['a', 'b', 'c', 'd']);
    assert.deepEqual(texts(await conversations.messages(ada, 1, { skip: 1, limit: 2 })), ['b', 'c']);
    assert.deepEqual(texts(await conversations.recent(ada, 1, 3)), ['b', 'c', 'd']);
    const forward = await conversations.history(ada, { skip: 3, limit: 2, newestFirst: false });
    assert.deepEqual([texts(forward.messages), forward.total], [['d', 'e'], 6]);
    const back = await conversations.history(ada, { skip: 0, limit: 3, newestFirst: true });
    assert.deepEqual([texts(back.messages), back.total], [['f', 'e', 'd'], 6]);
  });

  it('with what a running answer has said so far', async (t) => {
    const { storage, conversations, ask } = await createTested(t);
    const { turnId } = await ask();
    await storage.turns.append(turnId, 0, 'So ');
    await storage.turns.append(turnId, 3, 'far');
    assert.deepEqual(texts(await conversations.messages(ada, 1, page)), ['Why?', 'So far']);
    assert.deepEqual(texts(await conversations.recent(ada, 1, 1)), ['So far']);
    const { messages } = await conversations.history(ada, { ...page, newestFirst: false });
    assert.deepEqual(texts(messages), ['Why?', 'So far']);
  });

  it('is shown alone too, to its owner and in its own conversation', async (t) => {
    const { conversations, storage, ask, chat } = await createTested(t);
    const { turnId } = await ask();
    await storage.turns.append(turnId, 0, 'So far');
    const other = await chat();
    const message = await conversations.message(ada, 1, turnId);
    assert.deepEqual([message.state, message.content], ['running', 'So far']);
    for (const [caller, id, messageId] of [
      [bob, 1, turnId],
      [ada, other.id, turnId],
      [ada, 1, 999],
    ] as const) {
      await assert.rejects(conversations.message(caller, id, messageId), { code: 'not_found' });
    }
  });

  it('with the whole answer where it ends between two reads', async (t) => {
    const { storage, runtime, ask, answer } = await createTested(t);
    const asked = await ask();
    const conversations = createConversations({
      ...storage,
      idempotency: createIdempotency({ keys: storage.idempotencyKeys, runtime }),
      idleMs,
      conversationsPerUser: 200,
      runtime,
      dayOf: () => '2026-09-21',
      wake: () => {},
      stopTurns: () => Promise.resolve(),
      stopTurnsOf: () => Promise.resolve(),
      ...models,
      async textOf(id) {
        await answer(asked, 'All of it.');
        return storage.turns.textOf(id);
      },
    });
    const [, last] = await conversations.messages(ada, 1, page);
    assert.deepEqual([last?.state, last?.content], ['completed', 'All of it.']);
  });

  it('by their key: the owner’s and staff', async (t) => {
    const { conversations, chat } = await createTested(t);
    const { id } = await chat();
    const stranger: Caller = { kind: 'anonymous', ip: '192.0.2.8' };
    for (const caller of [ada, person(3, 'agent'), person(4, 'admin')]) {
      assert.equal((await conversations.open(caller, 'key-1')).id, id);
    }
    for (const caller of [bob, stranger]) await assert.rejects(conversations.open(caller, 'key-1'), notFound);
    for (const key of ['1', '', 'key-2']) await assert.rejects(conversations.open(ada, key), notFound);
  });

  it('as current until they are idle for too long, each contract’s apart', async (t) => {
    const { runtime, conversations, chat } = await createTested(t);
    const current = async (channel = 'companion') => (await conversations.current(ada, channel))?.id;
    assert.equal(await current(), undefined);
    await chat({ channel: 'companion' });
    await chat({ channel: 'assistant' });
    await chat({ channel: 'companion', by: bob });
    runtime.time += idleMs;
    assert.deepEqual([await current(), await current('assistant')], [1, 2]);
    runtime.time += 1;
    assert.equal(await current(), undefined);
  });
});

describe('a conversation is renamed', () => {
  it('to a trimmed title, and those who watch are woken', async (t) => {
    const { storage, conversations, chat, woken } = await createTested(t);
    await chat();
    assert.equal((await conversations.rename(ada, 1, '  Reasons \n')).title, 'Reasons');
    assert.equal((await conversations.get(ada, 1)).title, 'Reasons');
    assert.deepEqual(woken, [[1, 1]]);
    const [event] = (await storage.feed.after({ userId: 1 }, 0, 9)).slice(-1);
    assert.deepEqual([event?.type, event?.data], ['renamed', { title: 'Reasons' }]);
  });

  for (const title of ['', ' \n ', 'a'.repeat(201), 'two\nlines', '\u0000']) {
    it(`not to ${JSON.stringify(title.slice(0, 12))}`, async (t) => {
      const { conversations, chat, woken } = await createTested(t);
      await chat();
      await assert.rejects(conversations.rename(ada, 1, title), { code: 'invalid_request', field: 'title' });
      assert.deepEqual(woken, []);
    });
  }

  it('to 200 characters, however many bytes they are', async (t) => {
    const { conversations, chat } = await createTested(t);
    await chat();
    const title = '🎉'.repeat(200);
    assert.equal((await conversations.rename(ada, 1, title)).title, title);
  });
});

describe('a conversation is removed', () => {
  it('after its turns were stopped, with all that it holds', async (t) => {
    const { conversations, ask, woken, stopped } = await createTested(t);
    await ask();
    await conversations.remove(ada, 1);
    assert.deepEqual([stopped, woken], [[1], [[1, 1]]]);
    await assert.rejects(conversations.get(ada, 1), notFound);
    assert.equal((await conversations.history(ada, { ...page, newestFirst: false })).total, 0);
    await assert.rejects(conversations.remove(ada, 1), notFound);
  });

  it('once, however often it is sent with a key', async (t) => {
    const { conversations, chat, woken } = await createTested(t);
    await chat();
    const once = { key: 'k', fingerprint: 'remove 1' };
    await conversations.remove(ada, 1, once);
    await conversations.remove(ada, 1, once);
    assert.deepEqual(woken, [[1, 1]]);
    await assert.rejects(conversations.remove(ada, 1, { ...once, fingerprint: 'remove 2' }), {
      field: 'Idempotency-Key',
    });
  });
});

describe('a conversation is rated', () => {
  it('and rated anew; the figures count the last', async (t) => {
    const { storage, conversations, chat, woken } = await createTested(t);
    await chat();
    const given = await conversations.rate(ada, 1, { score: 5, comment: '  Good. ' });
    assert.deepEqual([given.score, given.comment], [5, 'Good.']);
    await conversations.rate(ada, 1, { score: 2, comment: ' ' });
    assert.deepEqual((await storage.conversations.ratingOf(1))?.comment, null);
    const { ratings, satisfied } = await storage.chatTotals.total({ userId: 1 });
    assert.deepEqual([ratings, satisfied], [1, 0]);
    assert.deepEqual(woken, [
      [1, 1],
      [1, 1],
    ]);
  });

  it('once, however often it is sent with a key', async (t) => {
    const { storage, conversations, chat } = await createTested(t);
    await chat();
    const once = { key: 'k', fingerprint: 'f' };
    const first = await conversations.rate(ada, 1, { score: 4 }, once);
    assert.deepEqual(await conversations.rate(ada, 1, { score: 4 }, once), first);
    const events = await storage.feed.after({ conversationId: 1 }, 0, 9);
    assert.equal(events.filter(({ type }) => type === 'rated').length, 1);
  });

  for (const score of [0, 6, 2.5, Number.NaN]) {
    it(`not with ${score}`, async (t) => {
      const { conversations, chat } = await createTested(t);
      await chat();
      await assert.rejects(conversations.rate(ada, 1, { score }), {
        code: 'invalid_request',
        field: 'score',
      });
    });
  }

  it('not with a comment of more than 2,000 characters', async (t) => {
    const { conversations, chat } = await createTested(t);
    await chat();
    const comment = '🎉'.repeat(2000);
    assert.equal((await conversations.rate(ada, 1, { score: 3, comment })).comment, comment);
    await assert.rejects(conversations.rate(ada, 1, { score: 3, comment: `${comment}!` }), {
      field: 'comment',
    });
  });
});

describe('answers are acknowledged', () => {
  it('in one conversation, up to a message, and only forward', async (t) => {
    const { storage, conversations, chat, woken } = await createTested(t);
    const first = await chat();
    const second = await chat({ in: 1 });
    const receipts = async () =>
      (await conversations.messages(ada, 1, page))
        .filter(({ role }) => role === 'assistant')
        .map(({ receipt }) => receipt);
    await conversations.acknowledge(ada, { conversationId: 1, upTo: first.turnId, receipt: 'read' });
    assert.deepEqual(await receipts(), ['read', 'sent']);
    await conversations.acknowledge(ada, { conversationId: 1, upTo: second.turnId, receipt: 'delivered' });
    assert.deepEqual(await receipts(), ['read', 'delivered']);
    await conversations.acknowledge(ada, { conversationId: 1, upTo: second.turnId, receipt: 'delivered' });
    assert.equal(woken.length, 2, 'what moved nothing wakes nobody');
    const events = await storage.feed.after({ conversationId: 1 }, 0, 99);
    assert.equal(events.filter(({ type }) => type === 'receipt').length, 2);
  });

  it('in all conversations at once, and those who watch any of them are woken', async (t) => {
    const { conversations, chat, woken } = await createTested(t);
    await chat();
    await chat({ by: bob });
    const last = await chat({ channel: 'companion' });
    await conversations.acknowledge(ada, { upTo: last.turnId, receipt: 'read' });
    assert.deepEqual(
      woken.sort(([a], [b]) => a - b),
      [
        [1, 1],
        [3, 1],
      ],
    );
    const [, his] = await conversations.messages(bob, 2, page);
    assert.equal(his?.receipt, 'sent');
  });
});

describe('conversations begin before anything is said', () => {
  const anonymous: Caller = { kind: 'anonymous', ip: '192.0.2.8' };

  it('with a name and a model, or without', async (t) => {
    const { conversations, storage, ask } = await createTested(t);
    const named = await conversations.begin(ada, { contract: 'studio', title: ' Mine ', model: 'qwen-plus' });
    assert.deepEqual([named.title, named.model, named.messageCount], ['Mine', 'qwen-plus', 0]);
    const unnamed = await conversations.begin(ada, { contract: 'studio' });
    assert.deepEqual([unnamed.title, unnamed.model], ['', null]);
    const guests = await conversations.begin(anonymous, { contract: 'helpdesk', model: 'qwen-plus-latest' });
    assert.equal(guests.model, 'qwen-plus-latest', 'as it was asked for');
    await ask({ in: named.id });
    assert.equal((await storage.conversations.find(named.id))?.title, 'Mine');
  });

  it('with a model that answers', async (t) => {
    const { conversations } = await createTested(t);
    const begin = (model: string) => conversations.begin(ada, { contract: 'studio', model });
    await assert.rejects(begin('nobody'), { code: 'model_not_found', field: 'model' });
    await assert.rejects(begin('embedder'), { code: 'invalid_request', field: 'model' });
    for (const title of ['', ' ', 'a'.repeat(201)]) {
      await assert.rejects(conversations.begin(ada, { contract: 'studio', title }), { field: 'title' });
    }
    assert.deepEqual(await conversations.list(ada, page), []);
  });

  it('once under a key, and are the same again', async (t) => {
    const { conversations } = await createTested(t);
    const start = { contract: 'studio', title: 'Mine', model: 'qwen-plus' };
    const key = { key: 'one', fingerprint: 'f' };
    const first = await conversations.begin(ada, start, key);
    assert.deepEqual(await conversations.begin(ada, start, key), first);
    assert.equal((await conversations.page(ada, {}, page)).total, 1);
  });

  it('and are listed by the model that answers in them, the default’s with those that chose none', async (t) => {
    const { conversations, storage } = await createTested(t);
    for (const model of ['qwen-plus', undefined, 'parley-local', 'qwen-plus', undefined]) {
      await conversations.begin(ada, { contract: 'studio', model });
    }
    await conversations.begin(bob, { contract: 'studio', model: 'qwen-plus' });
    const listed = async (model?: string, part = page) => {
      const { conversations: found, total } = await conversations.page(ada, { model }, part);
      return [found.map(({ id }) => id), total];
    };
    assert.deepEqual(await listed(), [[5, 4, 3, 2, 1], 5]);
    assert.deepEqual(await listed(undefined, { skip: 1, limit: 2 }), [[4, 3], 5]);
    assert.deepEqual(await listed('qwen-plus'), [[4, 1], 2]);
    assert.deepEqual(await listed('qwen-plus', { skip: 1, limit: 5 }), [[1], 2]);
    assert.deepEqual(await listed('parley-local'), [[5, 3, 2], 3]);
    assert.deepEqual(await listed('nobody'), [[], 0]);
    assert.deepEqual(await listed('qwen-plus', { skip: 9, limit: 5 }), [[], 2]);
    await storage.conversations.remove({ id: 4, userId: ada.userId, at: 1 });
    assert.deepEqual(
      [await listed('qwen-plus'), await listed()],
      [
        [[1], 1],
        [[5, 3, 2, 1], 4],
      ],
    );
  });
});

describe('a page of messages', () => {
  it('has all that they consist of, and no answer on its way', async (t) => {
    const { storage, conversations, chat, ask, answer } = await createTested(t);
    await chat({ text: 'a' });
    const url = 'data:image/png;base64,iVBORw0KGgo=';
    const picture = 'https://example.com/a.png';
    const parts = [
      { type: 'text', text: 'What is this?' },
      { type: 'image', url },
      { type: 'video', url: picture },
    ] as const;
    const shown = await ask({ in: 1, text: 'c', parts });
    const running = await ask({ in: 1, text: 'e' });
    const first = await conversations.messagePage(ada, 1, page);
    assert.deepEqual(
      (await conversations.whole(first.messages)).map((message) => [message.content, message.parts]),
      [
        ['a', null],
        ['Because.', null],
        ['c', parts],
        ['e', null],
      ],
    );
    assert.deepEqual([first.total, first.pending], [4, [shown.turnId, running.turnId]]);
    await answer(shown, 'd');
    const second = await conversations.messagePage(ada, 1, { skip: 3, limit: 5 });
    assert.deepEqual([second.messages.map(({ content }) => content), second.total], [['d', 'e'], 5]);
    assert.deepEqual(second.pending, [running.turnId]);
    const past = await conversations.messagePage(ada, 1, { skip: 5, limit: 5 });
    assert.deepEqual(past, { messages: [], total: 5, pending: [running.turnId] });
    const [lone] = await conversations.whole([(await storage.messages.find(shown.questionId))!]);
    assert.deepEqual(lone?.parts, parts);
  });
});
