import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { chatSumsTests } from './chat-sums.suite.ts';
import { isTakenClaim } from './idempotency-keys.ts';
import { newCall, newLogin, newUser } from './sample-rows.fixture.ts';
import { endOf, newClaim, newTurn } from './sample-turns.fixture.ts';
import { isRefusedUnit } from './storage-error.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';
import type { NewTurn, TurnEnd } from './turns.ts';

/** What every kind of storage must do with conversations; `prepare` as in `storageSuite`. */
export function conversationsSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function openOne(test: TestContext): Promise<Storage> {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    return storage;
  }

  describe(`${kind}: turns that begin`, () => beginTests(openOne));
  describe(`${kind}: turns that end`, () => endTests(openOne, kind));
  describe(`${kind}: leases`, () => leaseTests(openOne));
  describe(`${kind}: turn log`, () => logTests(openOne));
  describe(`${kind}: pages`, () => pageTests(openOne));
  describe(`${kind}: changes of a conversation`, () => changeTests(openOne));
  describe(`${kind}: receipts`, () => receiptTests(openOne));
  describe(`${kind}: feed`, () => feedTests(openOne));
  describe(`${kind}: idempotency keys`, () => claimTests(openOne));
  describe(`${kind}: chat totals`, () => {
    totalTests(openOne);
    chatSumsTests(prepare);
  });
  describe(`${kind}: ids and revoked logins`, () => {
    idTests(prepare);
    revokedTests(openOne);
  });
}

type OpenOne = (test: TestContext) => Promise<Storage>;

/** Begins and ends one exchange. */
async function exchange(
  storage: Storage,
  changes: Partial<NewTurn> = {},
  end: Partial<TurnEnd> = {},
): Promise<NewTurn> {
  const turn = await newTurn(storage, changes);
  await storage.turns.begin(turn);
  assert.equal(await storage.turns.end(endOf(turn, end)), true);
  return turn;
}

/** The same conversation, one question later. */
function existing({ conversation }: NewTurn): Pick<NewTurn, 'conversation'> {
  return { conversation: { kind: 'existing', id: conversation.id } };
}

/** Everything that a refused unit must leave as it is. */
async function snapshot(storage: Storage, userId = 7) {
  const { conversations, messages, chatTotals, feed, apiCalls } = storage;
  return {
    conversations: await conversations.listOf(userId, { skip: 0, limit: 100 }),
    messages: await messages.historyOf(userId, { skip: 0, limit: 100, newestFirst: false }),
    counts: [await conversations.countOf(userId), await messages.countOf(userId)],
    totals: [await chatTotals.daily({ userId }), await chatTotals.daily({ userId: null })],
    events: await feed.after({ userId }, 0, 1000),
    head: await feed.head(),
    calls: [await apiCalls.list({ limit: 100 }), await apiCalls.totals({})],
  };
}

const zero = {
  chats: 0,
  messages: 0,
  answers: 0,
  responseMs: 0,
  tokens: 0,
  errors: 0,
  ratings: 0,
  satisfied: 0,
};

function beginTests(openOne: OpenOne): void {
  it('make the conversation, the question, an empty answer, the turn and its event', async (test) => {
    const storage = await openOne(test);
    const turn = await newTurn(storage, { systemPrompt: 'Be brief.', state: 'queued' });
    await storage.turns.begin(turn);
    const conversationId = turn.conversation.id;
    assert.deepEqual(await storage.conversations.find(conversationId), {
      id: conversationId,
      key: `key-${conversationId}`,
      userId: 7,
      channel: 'assistant',
      title: 'What is it?',
      model: null,
      status: 'open',
      agentType: 'ai',
      assigneeId: null,
      ownerFence: 1,
      priority: 'medium',
      tags: [],
      customerId: 1,
      waitingSince: null,
      metadata: null,
      systemPrompt: 'Be brief.',
      messageCount: 2,
      createdAt: 1000,
      updatedAt: 1000,
      lastMessageAt: 1000,
    });
    const unsaid = {
      exchangeTokens: null,
      model: null,
      finishReason: null,
      errorCode: null,
      errorText: null,
    };
    const none = { ...unsaid, senderId: null, citations: null, parts: null };
    const both = { conversationId, userId: 7, createdAt: 1000, ...none };
    assert.deepEqual(await storage.messages.listOf(conversationId, { skip: 0, limit: 10 }), [
      {
        ...both,
        id: turn.questionId,
        place: 1,
        role: 'user',
        senderType: 'user',
        state: 'sent',
        receipt: 'read',
        tokens: 4,
        estimated: true,
        questionId: null,
        content: 'What is it?',
      },
      {
        ...both,
        id: turn.id,
        place: 2,
        role: 'assistant',
        senderType: 'ai',
        state: 'queued',
        receipt: 'sent',
        tokens: 0,
        estimated: false,
        questionId: turn.questionId,
        content: '',
      },
    ]);
    assert.deepEqual(await storage.turns.find(turn.id), {
      id: turn.id,
      conversationId,
      questionId: turn.questionId,
      userId: 7,
      state: 'queued',
      node: 'node-1',
      fence: 1,
      leaseUntil: 5000,
      beganAt: 1000,
      origin: { model: 'gpt-4o' },
      channel: 'assistant',
    });
    assert.deepEqual(await storage.feed.after({ conversationId }, 0, 10), [
      {
        cursor: 1,
        conversationId,
        userId: 7,
        type: 'asked',
        messageId: turn.questionId,
        at: 1000,
        data: { turnId: turn.id },
      },
    ]);
    assert.deepEqual(await storage.chatTotals.total({ userId: 7 }), { ...zero, chats: 1, messages: 1 });
  });

  it('continue a conversation, whose instructions stay unless there are others', async (test) => {
    const storage = await openOne(test);
    const first = await exchange(storage, { systemPrompt: 'Be brief.' });
    await exchange(storage, { ...existing(first), at: 3000 }, { at: 4000 });
    const { id } = first.conversation;
    const kept = await storage.conversations.find(id);
    assert.deepEqual(
      [kept?.systemPrompt, kept?.messageCount, kept?.createdAt, kept?.updatedAt, kept?.lastMessageAt],
      ['Be brief.', 4, 1000, 4000, 4000],
    );
    await exchange(storage, { ...existing(first), systemPrompt: 'Be long.' });
    assert.equal((await storage.conversations.find(id))?.systemPrompt, 'Be long.');
    const listed = await storage.messages.listOf(id, { skip: 0, limit: 10 });
    assert.deepEqual(
      listed.map(({ place, role }) => `${place} ${role}`),
      ['1 user', '2 assistant', '3 user', '4 assistant', '5 user', '6 assistant'],
    );
  });

  it('are refused whole in a conversation of another user, and in none at all', async (test) => {
    const storage = await openOne(test);
    const own = await exchange(storage);
    const before = await snapshot(storage);
    const foreign = await newTurn(storage, { ...existing(own), userId: 8, systemPrompt: 'Mine.' });
    const unknown = await newTurn(storage, { conversation: { kind: 'existing', id: 99 } });
    const claim = newClaim();
    for (const turn of [foreign, unknown]) {
      await assert.rejects(storage.turns.begin(turn, claim), (error) => {
        assert.ok(isRefusedUnit(error) && !isTakenClaim(error));
        return true;
      });
      assert.equal(await storage.turns.find(turn.id), undefined);
    }
    assert.equal(await storage.idempotencyKeys.find(claim.owner, claim.key, 0), undefined);
    assert.deepEqual(await snapshot(storage), before);
    assert.equal(await storage.messages.countOf(8), 0);
    assert.deepEqual(await storage.chatTotals.total({ userId: 8 }), zero);
  });

  it('are refused whole where the key is taken; of two at once one wins', async (test) => {
    const storage = await openOne(test);
    const turns = [await newTurn(storage), await newTurn(storage)];
    const outcomes = await Promise.allSettled(turns.map((turn) => storage.turns.begin(turn, newClaim())));
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
    const error = (outcomes[1] as PromiseRejectedResult).reason as { name: string; constraint: string };
    assert.ok(isTakenClaim(error) && !isRefusedUnit(error));
    assert.equal(error.name, 'StorageError');
    assert.match(error.constraint, /idempotency_keys\./);
    assert.equal(await storage.conversations.countOf(7), 1);
    assert.equal(await storage.conversations.find(turns[1]?.conversation.id ?? 0), undefined);
    assert.deepEqual(await storage.idempotencyKeys.find('user:7', 'key-1', 0), newClaim());
  });

  it('take a key again whose claim has expired', async (test) => {
    const storage = await openOne(test);
    await storage.turns.begin(await newTurn(storage), newClaim({ expiresAt: 2000 }));
    await assert.rejects(storage.turns.begin(await newTurn(storage, { at: 1999 }), newClaim()), isTakenClaim);
    const later = newClaim({ fingerprint: 'f-2' });
    await storage.turns.begin(await newTurn(storage, { at: 2000 }), later);
    assert.deepEqual(await storage.idempotencyKeys.find('user:7', 'key-1', 0), later);
  });

  it('find the places of questions that come at once', async (test) => {
    const storage = await openOne(test);
    const first = await exchange(storage);
    const turns = await Promise.all(Array.from({ length: 20 }, () => newTurn(storage, existing(first))));
    await Promise.all(turns.map((turn) => storage.turns.begin(turn)));
    const listed = await storage.messages.listOf(first.conversation.id, { skip: 0, limit: 100 });
    assert.deepEqual(
      listed.map(({ place }) => place),
      Array.from({ length: 42 }, (_, i) => i + 1),
    );
    assert.deepEqual(
      listed.slice(2).map(({ id }) => id),
      turns.flatMap(({ questionId, id }) => [questionId, id]),
    );
  });
}

function endTests(openOne: OpenOne, kind: string): void {
  it('fill the answer, remove turn and log, and write the books', async (test) => {
    const storage = await openOne(test);
    const turn = await newTurn(storage);
    await storage.turns.begin(turn);
    await storage.turns.append(turn.id, 0, 'It is');
    const call = newCall({ userId: 7, conversationId: turn.conversation.id, messageId: turn.id });
    assert.equal(await storage.turns.end(endOf(turn, { call, estimated: true })), true);
    assert.equal(await storage.turns.find(turn.id), undefined);
    assert.equal(await storage.turns.textOf(turn.id), '');
    const answer = await storage.messages.find(turn.id);
    assert.deepEqual(answer, {
      id: turn.id,
      conversationId: turn.conversation.id,
      place: 2,
      userId: 7,
      role: 'assistant',
      senderType: 'ai',
      state: 'completed',
      receipt: 'sent',
      createdAt: 2000,
      tokens: 5,
      exchangeTokens: 9,
      estimated: true,
      questionId: turn.questionId,
      model: 'gpt-4o-mini',
      finishReason: 'stop',
      errorCode: null,
      errorText: null,
      senderId: null,
      citations: null,
      parts: null,
      content: 'It is this.',
    });
    const conversation = await storage.conversations.find(turn.conversation.id);
    assert.deepEqual([conversation?.updatedAt, conversation?.lastMessageAt], [2000, 2000]);
    assert.deepEqual((await storage.feed.after({ userId: 7 }, 1, 10))[0], {
      cursor: 2,
      conversationId: turn.conversation.id,
      userId: 7,
      type: 'answered',
      messageId: turn.id,
      at: 2000,
      data: null,
    });
    assert.deepEqual(await storage.apiCalls.list({ limit: 10 }), [{ id: 1, ...call }]);
    assert.equal((await storage.apiCalls.totals({ userId: 7 }))[0]?.calls, 1);
    const totals = { ...zero, chats: 1, messages: 2, answers: 1, responseMs: 1000, tokens: 9 };
    assert.deepEqual(await storage.chatTotals.total({ userId: 7 }), totals);
    assert.deepEqual(await storage.chatTotals.total({ userId: null }), totals);
    assert.equal((await storage.messages.find(turn.questionId))?.state, 'sent');
  });

  it('once only, and not at another fence: nothing is stored then', async (test) => {
    const storage = await openOne(test);
    const turn = await newTurn(storage);
    await storage.turns.begin(turn);
    await storage.turns.append(turn.id, 0, 'It');
    const begun = await snapshot(storage);
    const end = endOf(turn, { call: newCall() });
    assert.equal(await storage.turns.end({ ...end, fence: 2 }), false);
    assert.deepEqual(await snapshot(storage), begun);
    assert.equal(await storage.turns.textOf(turn.id), 'It');
    const cancelled: TurnEnd = { ...end, state: 'cancelled', content: '' };
    assert.deepEqual(await Promise.all([storage.turns.end(end), storage.turns.end(cancelled)]), [
      true,
      false,
    ]);
    const ended = await snapshot(storage);
    assert.equal(ended.calls[0]?.length, 1);
    assert.equal(await storage.turns.end(end), false);
    assert.equal(await storage.turns.end(endOf(await newTurn(storage))), false, 'one that never began');
    assert.deepEqual(await snapshot(storage), ended);
  });

  it('count by how they ended', async (test) => {
    const storage = await openOne(test);
    const totalsAfter = async (end: Partial<TurnEnd>) => {
      const day = `day-${await storage.messages.nextId()}`;
      const turn = await exchange(storage, { day }, end);
      const {
        chats: _chats,
        ratings: _ratings,
        satisfied: _satisfied,
        ...totals
      } = (await storage.chatTotals.daily({ userId: 7, fromDay: day, toDay: day }))[0] ?? assert.fail();
      return { ...totals, question: (await storage.messages.find(turn.questionId))?.state };
    };
    const counted = {
      day: '',
      messages: 2,
      answers: 0,
      responseMs: 0,
      tokens: 9,
      errors: 0,
      question: 'sent',
    };
    const failed = { errorCode: 'timeout', errorText: 'It took too long.', content: '' };
    const cases: [Partial<TurnEnd>, Partial<typeof counted>][] = [
      [{}, { answers: 1, responseMs: 1000 }],
      [{ content: '' }, { answers: 1, responseMs: 1000, messages: 1 }],
      [{ state: 'failed' }, { errors: 1 }],
      [
        { state: 'failed', ...failed },
        { errors: 1, messages: 1, question: 'failed' },
      ],
      [{ state: 'interrupted' }, { errors: 1 }],
      [
        { state: 'interrupted', content: '' },
        { errors: 1, messages: 1, question: 'failed' },
      ],
      [{ state: 'cancelled' }, {}],
      [
        { state: 'cancelled', content: '' },
        { messages: 1, question: 'failed' },
      ],
    ];
    for (const [end, expected] of cases) {
      const totals = await totalsAfter(end);
      assert.deepEqual({ ...totals, day: '' }, { ...counted, ...expected }, JSON.stringify(end));
    }
  });

  it('keep the reason of a failure', async (test) => {
    const storage = await openOne(test);
    const reason = { errorCode: 'timeout', errorText: 'It took too long.' };
    const turn = await exchange(storage, {}, { state: 'failed', ...reason, model: null, finishReason: null });
    const answer = await storage.messages.find(turn.id);
    assert.deepEqual(
      [answer?.state, answer?.errorCode, answer?.errorText],
      ['failed', ...Object.values(reason)],
    );
  });

  it('leave the question as it is where somebody else will answer it', async (test) => {
    const storage = await openOne(test);
    const said = { state: 'cancelled', content: '' } as const;
    for (const [questionStays, state] of [
      [true, 'sent'],
      [false, 'failed'],
    ] as const) {
      const { questionId } = await exchange(storage, {}, { ...said, questionStays });
      assert.equal((await storage.messages.find(questionId))?.state, state);
    }
  });

  it('keep any text as it is', async (test) => {
    const storage = await openOne(test);
    // PostgreSQL's texts have no U+0000.
    const nul = kind === 'postgres' ? '\ufffd' : '\0';
    const text = 'a\0b 你好 👩‍👩‍👧 "quoted" \\ \u2028 ' + 'x'.repeat(100_000);
    const turn = await exchange(storage, { question: text }, { content: text });
    const kept = text.replace('\0', nul);
    assert.ok((await storage.messages.find(turn.id))?.content === kept);
    assert.ok((await storage.messages.find(turn.questionId))?.content === kept);
  });
}

function leaseTests(openOne: OpenOne): void {
  it('a queued turn starts once', async (test) => {
    const { turns, messages, ...rest } = await openOne(test);
    const turn = await newTurn({ turns, messages, ...rest }, { state: 'queued' });
    await turns.begin(turn);
    assert.deepEqual(await Promise.all([turns.start(turn.id, 8000), turns.start(turn.id, 9000)]), [
      true,
      false,
    ]);
    const active = await turns.find(turn.id);
    assert.deepEqual([active?.state, active?.leaseUntil], ['running', 8000]);
    assert.equal((await messages.find(turn.id))?.state, 'running');
    assert.equal(await turns.start(99, 8000), false);
    const taken = await newTurn({ turns, messages, ...rest }, { state: 'queued' });
    await turns.begin(taken);
    await turns.takeOver('another node', null, 9000);
    assert.equal(await turns.start(taken.id, 8000), false, 'somebody else closes it');
    await turns.end(endOf(turn, { fence: 2 }));
    assert.equal(await turns.start(turn.id, 8000), false);
    assert.equal((await messages.find(turn.id))?.state, 'completed');
  });

  it('a turn that was cut off before it said a word is queued again, and its call recorded, once', async (test) => {
    const storage = await openOne(test);
    const { turns, messages, apiCalls, chatTotals } = storage;
    const turn = await newTurn(storage);
    const call = newCall({ conversationId: turn.conversation.id, messageId: turn.id });
    const { userId, channel } = turn;
    const again = { id: turn.id, userId, channel, fence: 2, node: '', leaseUntil: 7000, call };
    await turns.begin(turn);
    await turns.takeOver('node-2', null, 6000);
    assert.equal(await turns.requeue({ ...again, fence: 1 }), false, 'by its maker');
    assert.equal(await turns.requeue(again), true);
    const { state, leaseUntil, node, fence } = (await turns.find(turn.id)) ?? {};
    assert.deepEqual([state, leaseUntil, node, fence], ['queued', 7000, '', 2]);
    assert.equal((await messages.find(turn.id))?.state, 'queued');
    const [{ id: _id, ...recorded } = assert.fail(), ...others] = await apiCalls.list({ limit: 10 });
    assert.deepEqual([recorded, others], [call, []]);
    assert.equal((await apiCalls.totals({}))[0]?.calls, 1);
    const tokens = call.promptTokens + call.completionTokens;
    assert.ok(tokens > 0);
    for (const id of [userId, null]) {
      assert.equal((await chatTotals.total({ userId: id, fromDay: call.day })).tokens, tokens);
    }
    assert.equal(await turns.start(turn.id, 8000), false, 'by its maker');
    assert.equal(await turns.start(turn.id, 8000, 2), true);
    assert.equal((await messages.find(turn.id))?.state, 'running');
    assert.equal(await turns.append(turn.id, 0, 'It', 2), true);
    assert.equal(await turns.requeue({ ...again, call: null }), false, 'it speaks');
    assert.equal((await turns.find(turn.id))?.state, 'running');
    await turns.end(endOf(turn, { fence: 2 }));
    assert.equal(await turns.requeue(again), false, 'it has ended');
    assert.equal((await messages.find(turn.id))?.state, 'completed');
    assert.equal((await apiCalls.list({ limit: 10 })).length, 1);
  });

  it('renews the leases of one node', async (test) => {
    const storage = await openOne(test);
    const mine = await newTurn(storage);
    const other = await newTurn(storage, { node: 'node-2' });
    await Promise.all([storage.turns.begin(mine), storage.turns.begin(other)]);
    await storage.turns.renew('node-1', 7777);
    assert.equal((await storage.turns.find(mine.id))?.leaseUntil, 7777);
    assert.equal((await storage.turns.find(other.id))?.leaseUntil, 5000);
  });

  it('takes over what other nodes let lapse, and only that', async (test) => {
    const storage = await openOne(test);
    const { turns } = storage;
    const lapsed = await newTurn(storage, { node: 'node-2', leaseUntil: 3999 });
    const held = await newTurn(storage, { node: 'node-2', leaseUntil: 4000 });
    const own = await newTurn(storage, { leaseUntil: 100, channel: 'companion' });
    await Promise.all([lapsed, held, own].map((turn) => turns.begin(turn)));
    const before = await turns.find(lapsed.id);
    const taken = await turns.takeOver('node-1', 4000, 9000);
    assert.deepEqual(taken, [{ ...before, node: 'node-1', fence: 2, leaseUntil: 9000 }]);
    assert.deepEqual(await turns.find(lapsed.id), taken[0]);
    assert.equal(await turns.end(endOf(lapsed)), false, 'its maker comes too late');
    assert.equal(await turns.end(endOf(lapsed, { fence: 2, state: 'interrupted' })), true);
  });

  it('takes over all of the others, the oldest first; two that ask at once share nothing', async (test) => {
    const storage = await openOne(test);
    const { turns } = storage;
    const begun = await Promise.all(Array.from({ length: 30 }, () => newTurn(storage, { node: 'gone' })));
    await Promise.all(begun.map((turn) => turns.begin(turn)));
    const [first, second] = await Promise.all([
      turns.takeOver('node-1', null, 9000),
      turns.takeOver('node-2', 6000, 9000),
    ]);
    assert.deepEqual(
      first.map(({ id }) => id),
      begun.map(({ id }) => id),
    );
    assert.deepEqual(second, []);
    assert.deepEqual(await turns.takeOver('node-1', null, 9000), [], 'its own are not taken over');
    assert.equal((await turns.takeOver('node-2', null, 9500)).length, 30);
    assert.equal((await turns.find(begun[0]?.id ?? 0))?.fence, 3);
  });
}

function logTests(openOne: OpenOne): void {
  it('gives back what many turns said at once, in order', async (test) => {
    const storage = await openOne(test);
    const running = await Promise.all(Array.from({ length: 40 }, () => newTurn(storage)));
    await Promise.all(running.map((turn) => storage.turns.begin(turn)));
    const said = new Map(running.map(({ id }) => [id, '']));
    for (let round = 0; round < 12; round++) {
      const writes = running.map(({ id }) => {
        const before = said.get(id) ?? '';
        const delta = `${id}.${round} 你好👋\0`;
        said.set(id, before + delta);
        return storage.turns.append(id, before.length, delta);
      });
      if (round % 3 === 0) await Promise.all(writes);
    }
    await storage.flush();
    for (const { id } of running) assert.equal(await storage.turns.textOf(id), said.get(id));
    assert.equal(await storage.turns.textOf(99_999), '');
  });

  it('shares one commit between turns', async (test) => {
    const storage = await openOne(test);
    const running = [await newTurn(storage), await newTurn(storage)];
    await Promise.all(running.map((turn) => storage.turns.begin(turn)));
    const before = storage.stats();
    await Promise.all(
      running.flatMap(({ id }) => [storage.turns.append(id, 0, 'a'), storage.turns.append(id, 1, 'b')]),
    );
    assert.equal(storage.stats().transactions - before.transactions, 1);
    for (const { id } of running) assert.equal(await storage.turns.textOf(id), 'ab');
  });

  it('lets what follows a first piece wait for company, and leave with what cannot wait', async (test) => {
    const storage = await openOne(test);
    const [early, late] = [await newTurn(storage), await newTurn(storage)];
    await storage.turns.begin(early);
    await storage.turns.append(early.id, 0, 'a');
    const before = storage.stats();
    const waiting = storage.turns.append(early.id, 1, 'b');
    await storage.turns.begin(late);
    assert.equal(await waiting, true);
    assert.equal(storage.stats().transactions - before.transactions, 1);
    assert.equal(await storage.turns.append(early.id, 2, 'c'), true, 'alone it leaves, too');
    assert.equal(await storage.turns.textOf(early.id), 'abc');
  });

  it('puts a character together whose halves came apart', async (test) => {
    const storage = await openOne(test);
    const turn = await newTurn(storage);
    await storage.turns.begin(turn);
    const halves = ['a\ud83d', '\ude00', '\ud83d', '\ude01\ud83d', '\ude02z'];
    let said = '';
    for (const half of halves) {
      await storage.turns.append(turn.id, said.length, half);
      said += half;
      assert.equal(await storage.turns.textOf(turn.id), said);
    }
    assert.equal(said, 'a😀😁😂z');
  });

  it('says nothing for a turn that ended or was removed, and spoils nobody else’s', async (test) => {
    const storage = await openOne(test);
    const [ended, removed, running] = [
      await newTurn(storage),
      await newTurn(storage),
      await newTurn(storage),
    ];
    await Promise.all([ended, removed, running].map((turn) => storage.turns.begin(turn)));
    await storage.turns.append(removed.id, 0, 'before');
    await storage.turns.end(endOf(ended));
    await storage.conversations.remove({ id: removed.conversation.id, userId: 7, at: 3000 });
    await Promise.all([ended, removed, running].map(({ id }) => storage.turns.append(id, 6, 'late')));
    await Promise.all([running, running].map(({ id }) => storage.turns.append(id, 6, 'again')));
    assert.equal(await storage.turns.textOf(ended.id), '');
    assert.equal(await storage.turns.textOf(removed.id), '');
    assert.equal(await storage.turns.textOf(running.id), 'again');
  });
}

function pageTests(openOne: OpenOne): void {
  /** Three conversations of user 7 with 3, 2 and 1 exchanges, and one of user 8 in between. */
  async function fill(storage: Storage): Promise<NewTurn[]> {
    const firsts: NewTurn[] = [];
    for (const channel of ['assistant', 'companion', 'assistant']) {
      firsts.push(await exchange(storage, { channel }));
      await exchange(storage, { userId: 8 });
    }
    await exchange(storage, existing(firsts[0] as NewTurn));
    await exchange(storage, existing(firsts[1] as NewTurn));
    await exchange(storage, existing(firsts[0] as NewTurn));
    return firsts;
  }
  const pages = [
    [0, 2],
    [1, 1],
    [2, 5],
    [5, 3],
    [11, 4],
    [12, 4],
    [0, 50],
  ] as const;

  it('of conversations are the user’s own, newest first, before and after removal', async (test) => {
    const storage = await openOne(test);
    const ids = (await fill(storage)).map(({ conversation }) => conversation.id).reverse();
    const checked = async (expected: number[]) => {
      assert.equal(await storage.conversations.countOf(7), expected.length);
      for (const [skip, limit] of pages) {
        const page = await storage.conversations.listOf(7, { skip, limit });
        assert.deepEqual(
          page.map(({ id }) => id),
          expected.slice(skip, skip + limit),
        );
      }
    };
    await checked(ids);
    await storage.conversations.remove({ id: ids[1] as number, userId: 7, at: 3000 });
    await checked([ids[0] as number, ids[2] as number]);
    assert.deepEqual(await storage.conversations.listOf(99, { skip: 0, limit: 5 }), []);
    assert.equal(await storage.conversations.countOf(99), 0);
  });

  it('of conversations know the newest of a channel', async (test) => {
    const storage = await openOne(test);
    const firsts = await fill(storage);
    const newest = async (channel: string) => (await storage.conversations.newestOf(7, channel))?.id;
    assert.equal(await newest('assistant'), firsts[2]?.conversation.id);
    assert.equal(await newest('companion'), firsts[1]?.conversation.id);
    assert.equal(await newest('helpdesk'), undefined);
    const { id } = firsts[1]?.conversation ?? assert.fail();
    assert.equal((await storage.conversations.findByKey(`key-${id}`))?.id, id);
    assert.equal(await storage.conversations.findByKey('key'), undefined);
  });

  it('of one conversation’s messages are in order, from either side', async (test) => {
    const storage = await openOne(test);
    const { id } = (await fill(storage))[0]?.conversation ?? assert.fail();
    const places = (found: { place: number }[]) => found.map(({ place }) => place);
    const all = [1, 2, 3, 4, 5, 6];
    for (const [skip, limit] of pages) {
      const page = await storage.messages.listOf(id, { skip, limit });
      assert.deepEqual(places(page), all.slice(skip, skip + limit));
      assert.ok(page.every(({ conversationId }) => conversationId === id));
    }
    assert.deepEqual(places(await storage.messages.newestBefore(id, 5, 3)), [4, 3, 2]);
    assert.deepEqual(places(await storage.messages.newestBefore(id, 99, 2)), [6, 5]);
    assert.deepEqual(places(await storage.messages.newestBefore(id, 1, 2)), []);
  });

  it('of all a user’s messages together go in both directions, before and after removal', async (test) => {
    const storage = await openOne(test);
    const firsts = await fill(storage);
    const removed = firsts[1]?.conversation.id ?? 0;
    const all = await storage.messages.historyOf(7, { skip: 0, limit: 100, newestFirst: false });
    assert.deepEqual(
      all.map(({ id }) => id),
      all.map(({ id }) => id).toSorted((a, b) => a - b),
    );
    assert.deepEqual([all.length, all.every(({ userId }) => userId === 7)], [12, true]);
    const checked = async (expected: typeof all) => {
      assert.equal(await storage.messages.countOf(7), expected.length);
      for (const [skip, limit] of pages) {
        const forwards = await storage.messages.historyOf(7, { skip, limit, newestFirst: false });
        assert.deepEqual(forwards, expected.slice(skip, skip + limit));
        const back = await storage.messages.historyOf(7, { skip, limit, newestFirst: true });
        assert.deepEqual(back, expected.toReversed().slice(skip, skip + limit));
      }
    };
    await checked(all);
    await storage.conversations.remove({ id: removed, userId: 7, at: 3000 });
    await checked(all.filter(({ conversationId }) => conversationId !== removed));
  });
}

function changeTests(openOne: OpenOne): void {
  it('renames one’s own', async (test) => {
    const storage = await openOne(test);
    const { id } = (await exchange(storage)).conversation;
    assert.equal(await storage.conversations.rename({ id, userId: 7, title: 'Other', at: 3000 }), true);
    const renamed = await storage.conversations.find(id);
    assert.deepEqual([renamed?.title, renamed?.updatedAt, renamed?.lastMessageAt], ['Other', 3000, 2000]);
    const [event] = await storage.feed.after({ conversationId: id }, 2, 10);
    assert.deepEqual(event, {
      cursor: 3,
      conversationId: id,
      userId: 7,
      type: 'renamed',
      messageId: null,
      at: 3000,
      data: { title: 'Other' },
    });
  });

  it('removes it with all that hangs on it, except the statistics', async (test) => {
    const storage = await openOne(test);
    const first = await exchange(storage);
    const other = await exchange(storage);
    const running = await newTurn(storage, existing(first));
    await storage.turns.begin(running);
    await storage.turns.append(running.id, 0, 'half');
    const { id } = first.conversation;
    const rating = { conversationId: id, userId: 7, channel: 'assistant', score: 5, comment: null };
    await storage.conversations.rate({ ...rating, day: '2026-09-21', at: 2500 });
    const { totals, calls } = await snapshot(storage);
    assert.equal(await storage.conversations.remove({ id, userId: 7, at: 3000 }), true);
    assert.equal(await storage.conversations.find(id), undefined);
    assert.deepEqual(await storage.messages.listOf(id, { skip: 0, limit: 10 }), []);
    assert.equal(await storage.messages.find(running.id), undefined);
    assert.equal(await storage.turns.find(running.id), undefined);
    assert.equal(await storage.turns.textOf(running.id), '');
    assert.equal(await storage.conversations.ratingOf(id), undefined);
    assert.equal(await storage.turns.end(endOf(running, { call: newCall() })), false);
    const left = await snapshot(storage);
    assert.deepEqual([left.totals, left.calls], [totals, calls]);
    assert.deepEqual(left.counts, [1, 2]);
    assert.deepEqual(
      left.messages.map((message) => message.id),
      [other.questionId, other.id],
    );
    const event = left.events.at(-1);
    assert.deepEqual([event?.type, event?.conversationId, event?.data], ['removed', id, null]);
    assert.equal(await storage.conversations.remove({ id, userId: 7, at: 3000 }), false);
  });

  it('does nothing to another’s, and does nothing twice under one key', async (test) => {
    const storage = await openOne(test);
    const { conversations } = storage;
    const { id } = (await exchange(storage)).conversation;
    const rating = { conversationId: id, channel: 'assistant', score: 5, comment: null, day: 'd', at: 1 };
    const before = await snapshot(storage);
    const claim = newClaim();
    assert.equal(await conversations.rename({ id, userId: 8, title: 'Other', at: 3000 }, claim), false);
    assert.equal(await conversations.remove({ id, userId: 8, at: 3000 }, claim), false);
    assert.equal(await conversations.rate({ ...rating, userId: 8 }, claim), false);
    assert.equal(await conversations.ratingOf(id), undefined);
    assert.deepEqual(await snapshot(storage), before);
    assert.equal(await storage.idempotencyKeys.find(claim.owner, claim.key, 0), undefined);
    await storage.idempotencyKeys.put(claim, 0);
    await assert.rejects(conversations.rename({ id, userId: 7, title: 'x', at: 3000 }, claim), isTakenClaim);
    await assert.rejects(conversations.remove({ id, userId: 7, at: 3000 }, claim), isTakenClaim);
    await assert.rejects(conversations.rate({ ...rating, userId: 7 }, claim), isTakenClaim);
    assert.deepEqual(await snapshot(storage), before);
  });

  it('replaces a rating, also in the sums of the day it was given', async (test) => {
    const storage = await openOne(test);
    const { conversationId, userId } = {
      conversationId: (await exchange(storage)).conversation.id,
      userId: 7,
    };
    const rate = async (score: number, day: string, channel = 'assistant') => {
      const rating = { conversationId, userId, channel, score, comment: `${score}`, day, at: score };
      assert.equal(await storage.conversations.rate(rating), true);
      assert.deepEqual(await storage.conversations.ratingOf(conversationId), {
        score,
        comment: `${score}`,
        createdAt: score,
      });
      const sums = [];
      for (const whose of [userId, null]) {
        const days = await storage.chatTotals.daily({ userId: whose, fromDay: '2026-10-01' });
        sums.push(days.map(({ day: at, ratings, satisfied }) => `${at} ${ratings} ${satisfied}`).join());
      }
      assert.equal(sums[0], sums[1]);
      return sums[0];
    };
    assert.equal(await rate(5, '2026-10-01'), '2026-10-01 1 1');
    assert.equal(await rate(3, '2026-10-01'), '2026-10-01 1 0');
    assert.equal(await rate(4, '2026-10-02'), '2026-10-02 1 1');
    assert.equal(await rate(1, '2026-10-03', 'companion'), '2026-10-03 1 0');
    assert.equal(await rate(4, '2026-10-03'), '2026-10-03 1 1');
    const rated = await storage.feed.after({ userId }, 2, 10);
    assert.deepEqual(
      rated.map(({ type, data }) => [type, data]),
      [5, 3, 4, 1, 4].map((score) => ['rated', { score }]),
    );
  });
}

function receiptTests(openOne: OpenOne): void {
  it('move forward up to a message, with one event for each conversation', async (test) => {
    const storage = await openOne(test);
    const { messages, feed } = storage;
    const first = await exchange(storage);
    const second = await exchange(storage);
    const third = await exchange(storage, existing(first));
    const foreign = await exchange(storage, { userId: 8 });
    const last = await exchange(storage, existing(first));
    const receipts = async () =>
      Promise.all([first, second, third, last].map(async ({ id }) => (await messages.find(id))?.receipt));
    const head = await feed.head();
    const [a, b] = [first.conversation.id, second.conversation.id];

    const all = { userId: 7, upTo: third.id, at: 3000 };
    assert.equal(await messages.acknowledge({ ...all, receipt: 'delivered' }), 3);
    assert.deepEqual(await receipts(), ['delivered', 'delivered', 'delivered', 'sent']);
    const events = await feed.after({ userId: 7 }, head, 10);
    assert.deepEqual(
      events.map(({ conversationId, type, messageId, at, data }) => [
        conversationId,
        type,
        messageId,
        at,
        data,
      ]),
      [
        [a, 'receipt', null, 3000, { receipt: 'delivered', messageIds: [first.id, third.id] }],
        [b, 'receipt', null, 3000, { receipt: 'delivered', messageIds: [second.id] }],
      ],
    );
    assert.equal(await messages.acknowledge({ ...all, receipt: 'delivered' }), 0);

    const one = { userId: 7, conversationId: a, at: 4000 };
    assert.equal(await messages.acknowledge({ ...one, upTo: third.id - 1, receipt: 'read' }), 1);
    assert.deepEqual(await receipts(), ['read', 'delivered', 'delivered', 'sent']);
    assert.equal(await messages.acknowledge({ ...one, upTo: last.id, receipt: 'delivered' }), 1);
    assert.deepEqual(await receipts(), ['read', 'delivered', 'delivered', 'delivered']);
    assert.equal(await messages.acknowledge({ userId: 7, upTo: 1e15, receipt: 'read', at: 5000 }), 3);
    assert.deepEqual(await receipts(), ['read', 'read', 'read', 'read']);
    assert.equal(await messages.acknowledge({ userId: 7, upTo: 1e15, receipt: 'delivered', at: 6000 }), 0);
    assert.deepEqual(await receipts(), ['read', 'read', 'read', 'read']);
    assert.equal((await messages.find(foreign.id))?.receipt, 'sent');
    assert.equal((await messages.find(first.questionId))?.receipt, 'read');
    assert.equal((await feed.after({ userId: 7 }, head, 10)).length, 6);
  });

  it('of an answer on its way stay, and are moved once it is there', async (test) => {
    const storage = await openOne(test);
    const { messages, turns } = storage;
    const first = await newTurn(storage);
    await turns.begin(first);
    const second = await exchange(storage, existing(first));
    const conversationId = first.conversation.id;
    for (const scope of [{}, { conversationId }]) {
      const before = Object.keys(scope).length === 0;
      const acknowledgement = { userId: 7, ...scope, upTo: second.id, receipt: 'read', at: 3000 } as const;
      assert.equal(await messages.acknowledge(acknowledgement), before ? 1 : 0);
      assert.equal((await messages.find(first.id))?.receipt, 'sent');
    }
    await turns.end(endOf(first));
    assert.equal(
      await messages.acknowledge({ userId: 7, conversationId, upTo: first.id, receipt: 'read', at: 4000 }),
      1,
    );
    assert.equal((await messages.find(first.id))?.receipt, 'read');
  });

  it('of what comes after everything was read are moved in their turn', async (test) => {
    const storage = await openOne(test);
    const first = await exchange(storage);
    const conversationId = first.conversation.id;
    for (const scope of [{ conversationId }, {}, { conversationId }, {}]) {
      const { id } = await exchange(storage, existing(first));
      for (const receipt of ['delivered', 'read'] as const) {
        await storage.messages.acknowledge({ userId: 7, ...scope, upTo: id, receipt, at: 3000 });
        assert.equal((await storage.messages.find(id))?.receipt, receipt);
      }
    }
  });

  it('are not moved by another user', async (test) => {
    const storage = await openOne(test);
    const own = await exchange(storage);
    const acknowledgement = { userId: 8, upTo: own.id, receipt: 'read', at: 3000 } as const;
    const conversationId = own.conversation.id;
    assert.equal(await storage.messages.acknowledge(acknowledgement), 0);
    assert.equal(await storage.messages.acknowledge({ ...acknowledgement, conversationId }), 0);
    assert.equal(await storage.messages.acknowledge({ ...acknowledgement, conversationId, userId: 7 }), 1);
  });
}

function feedTests(openOne: OpenOne): void {
  it('is read from any cursor, by conversation or user, page by page', async (test) => {
    const storage = await openOne(test);
    const { feed } = storage;
    assert.equal(await feed.head(), 0);
    assert.deepEqual(await feed.after({ userId: 7 }, 0, 10), []);
    const first = await exchange(storage);
    await exchange(storage, { userId: 8 });
    await exchange(storage);
    const all = await feed.after({ userId: 7 }, 0, 10);
    assert.deepEqual(
      all.map(({ cursor }) => cursor),
      [1, 2, 5, 6],
    );
    assert.equal(await feed.head(), 6);
    assert.deepEqual(await feed.after({ userId: 7 }, 2, 10), all.slice(2));
    assert.deepEqual(await feed.after({ userId: 7 }, 1, 2), all.slice(1, 3));
    assert.deepEqual(await feed.after({ userId: 7 }, 6, 2), []);
    assert.deepEqual(await feed.after({ conversationId: first.conversation.id }, 0, 10), all.slice(0, 2));
  });

  it('forgets the oldest and says so, and goes on counting', async (test) => {
    const storage = await openOne(test);
    const { feed } = storage;
    assert.equal(await feed.forgotten(), 0);
    assert.equal(await feed.removeBefore(9999), 0);
    await exchange(storage, { at: 1000 }, { at: 2000 });
    await exchange(storage, { at: 3000 }, { at: 4000 });
    assert.equal(await feed.removeBefore(1000), 0);
    assert.equal(await feed.forgotten(), 0);
    assert.equal(await feed.removeBefore(3000), 2);
    assert.equal(await feed.forgotten(), 2);
    assert.deepEqual(
      (await feed.after({ userId: 7 }, 0, 10)).map(({ cursor }) => cursor),
      [3, 4],
    );
    assert.equal(await feed.removeBefore(9999), 2);
    assert.deepEqual([await feed.forgotten(), await feed.head()], [4, 4]);
    assert.deepEqual(await feed.after({ userId: 7 }, 0, 10), []);
    await exchange(storage);
    assert.equal(await feed.head(), 6);
    assert.equal((await feed.after({ userId: 7 }, 4, 10)).length, 2);
    assert.equal(await feed.forgotten(), 4);
  });

  it('is read across blocks of cursors, and forgotten some thousand at a time', async (test) => {
    const storage = await openOne(test);
    const { id } = (await exchange(storage, { userId: 8 })).conversation;
    await exchange(storage);
    const renamings = Array.from({ length: 9000 }, (_, i) =>
      storage.conversations.rename({ id, userId: 8, title: `t${i}`, at: 3000 }),
    );
    await Promise.all(renamings);
    const last = await exchange(storage);
    const mine = await storage.feed.after({ userId: 7 }, 0, 100);
    assert.deepEqual(
      mine.map(({ cursor }) => cursor),
      [3, 4, 9005, 9006],
    );
    assert.deepEqual(
      await storage.feed.after({ conversationId: last.conversation.id }, 4, 100),
      mine.slice(2),
    );
    const seen: number[] = [];
    for (let cursor = 0, page; (page = await storage.feed.after({ userId: 8 }, cursor, 700)).length > 0;) {
      seen.push(...page.map((event) => event.cursor));
      cursor = seen.at(-1) ?? 0;
    }
    assert.deepEqual(seen, [1, 2, ...Array.from({ length: 9000 }, (_, i) => i + 5)]);
    let forgotten = 0;
    for (let some; (some = await storage.feed.removeBefore(2_000_000)) > 0;) forgotten += some;
    assert.equal(forgotten, 9006);
  });
}

function claimTests(openOne: OpenOne): void {
  it('are kept until they expire', async (test) => {
    const { idempotencyKeys } = await openOne(test);
    const claim = newClaim({ result: { a: ['ä', null, 1] } });
    await idempotencyKeys.put(claim, 1000);
    assert.deepEqual(await idempotencyKeys.find('user:7', 'key-1', 8999), claim);
    assert.equal(await idempotencyKeys.find('user:7', 'key-1', 9000), undefined);
    assert.equal(await idempotencyKeys.find('user:8', 'key-1', 0), undefined);
    assert.equal(await idempotencyKeys.find('user:7', 'key-2', 0), undefined);
    await assert.rejects(idempotencyKeys.put(newClaim({ fingerprint: 'f-2' }), 8999), isTakenClaim);
    await idempotencyKeys.put(newClaim({ owner: 'user:8' }), 1000);
    await idempotencyKeys.put(newClaim({ expiresAt: 20_000 }), 9000);
    assert.equal((await idempotencyKeys.find('user:7', 'key-1', 0))?.expiresAt, 20_000);
  });

  it('are forgotten, the expired ones only', async (test) => {
    const { idempotencyKeys } = await openOne(test);
    await idempotencyKeys.put(newClaim({ expiresAt: 1000 }), 0);
    await idempotencyKeys.put(newClaim({ key: 'key-2', expiresAt: 1000 }), 0);
    await idempotencyKeys.put(newClaim({ key: 'key-3', expiresAt: 1001 }), 0);
    assert.equal(await idempotencyKeys.removeExpired(1000), 0);
    assert.equal(await idempotencyKeys.removeExpired(1001), 2);
    assert.equal(await idempotencyKeys.find('user:7', 'key-1', 0), undefined);
    assert.ok(await idempotencyKeys.find('user:7', 'key-3', 0));
  });
}

function totalTests(openOne: OpenOne): void {
  it('are by user or of the whole service, by day, within days', async (test) => {
    const storage = await openOne(test);
    const { chatTotals } = storage;
    assert.deepEqual(await chatTotals.total({ userId: null }), zero);
    assert.deepEqual(await chatTotals.daily({ userId: null }), []);
    const first = await exchange(storage, { day: '2026-09-20' });
    await exchange(storage, { day: '2026-09-21', ...existing(first) }, { responseMs: 10.4 });
    await exchange(storage, { day: '2026-09-23', channel: 'companion' });
    await exchange(storage, { day: '2026-09-23', userId: 8 });
    const one = { ...zero, messages: 2, answers: 1, responseMs: 1000, tokens: 9 };
    assert.deepEqual(await chatTotals.daily({ userId: 7 }), [
      { day: '2026-09-20', ...one, chats: 1 },
      { day: '2026-09-21', ...one, responseMs: 10 },
      { day: '2026-09-23', ...one, chats: 1 },
    ]);
    const days = await chatTotals.daily({ userId: null, fromDay: '2026-09-21' });
    assert.deepEqual(days[1], {
      ...zero,
      day: '2026-09-23',
      chats: 2,
      messages: 4,
      answers: 2,
      responseMs: 2000,
      tokens: 18,
    });
    const counted = async (filter: object) => (await chatTotals.total({ userId: null, ...filter })).answers;
    assert.equal(await counted({}), 4);
    assert.equal(await counted({ toDay: '2026-09-21' }), 2);
    assert.equal(await counted({ fromDay: '2026-09-21', toDay: '2026-09-21' }), 1);
    assert.equal(await counted({ userId: 8 }), 1);
    assert.equal(await counted({ userId: 9 }), 0);
  });
}

function idTests(prepare: (test: TestContext) => StorageUnderTest): void {
  it('go on after reopening beyond what was deleted', async (test) => {
    const store = prepare(test);
    const before = await store.open();
    await exchange(before);
    const last = await exchange(before);
    await before.conversations.remove({ id: last.conversation.id, userId: 7, at: 3000 });
    await before.feed.removeBefore(1e9);
    await before.close();
    const after = await store.open();
    test.after(() => after.close());
    assert.equal(await after.conversations.nextId(), last.conversation.id + 1);
    assert.equal(await after.messages.nextId(), last.id + 1);
    assert.equal(await after.messages.nextId(), last.id + 2);
    await exchange(after);
    assert.equal(await after.feed.head(), 7);
  });
}

function revokedTests(openOne: OpenOne): void {
  it('finds the logins that were revoked since a time', async (test) => {
    const { users, logins } = await openOne(test);
    await users.create(newUser());
    const ids: number[] = [];
    for (const refreshHash of ['a', 'b', 'c', 'd']) {
      ids.push((await logins.create(newLogin({ refreshHash }), newUser().passwordHash)) ?? 0);
    }
    const [a = 0, b = 0, c = 0] = ids;
    await logins.revoke(a, 3000);
    await logins.revoke(c, 1000);
    await logins.revoke(b, 2000);
    assert.deepEqual(await logins.revokedSince(2000), [b, a]);
    assert.deepEqual(await logins.revokedSince(3001), []);
    assert.deepEqual(await logins.revokedSince(0), [c, b, a]);
  });
}
