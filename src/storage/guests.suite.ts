import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { isTakenClaim } from './idempotency-keys.ts';
import { changeOf, find, hire, inCharge, newConversation, newPost, to } from './sample-handoff.fixture.ts';
import { newUser } from './sample-rows.fixture.ts';
import { endOf, newClaim, newTurn } from './sample-turns.fixture.ts';
import { isRefusedUnit } from './storage-error.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';

/** What every kind of storage must do with conversations of nobody, and with who began them; `prepare` as in `storageSuite`. */
export function guestsSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function openOne(test: TestContext): Promise<Storage> {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    await hire(storage, 4);
    return storage;
  }

  describe(`${kind}: conversations without a message`, () => beginTests(openOne));
  describe(`${kind}: conversations of nobody`, () => guestTests(openOne));
  describe(`${kind}: customers`, () => customerTests(openOne));
  describe(`${kind}: receipts among people`, () => receiptTests(openOne));
}

type OpenOne = (test: TestContext) => Promise<Storage>;

const page = { skip: 0, limit: 10 };

function beginTests(openOne: OpenOne): void {
  it('begin with their metadata, an event and the claim, and count at once', async (test) => {
    const storage = await openOne(test);
    const metadata = { source: 'web', user_agent: '<script>', n: [1, null] };
    const begun = await newConversation(storage, { metadata });
    await storage.conversations.begin(begun, newClaim());
    assert.deepEqual(await storage.conversations.findByKey(begun.key), {
      id: begun.id,
      key: begun.key,
      userId: null,
      channel: 'helpdesk',
      title: '',
      model: null,
      status: 'open',
      agentType: 'ai',
      assigneeId: null,
      ownerFence: 1,
      priority: 'medium',
      tags: [],
      customerId: 1,
      waitingSince: null,
      messageCount: 0,
      createdAt: 1000,
      updatedAt: 1000,
      lastMessageAt: 1000,
      metadata,
      systemPrompt: null,
    });
    const events = await storage.feed.after({ conversationId: begun.id }, 0, 10);
    assert.deepEqual(
      events.map(({ type, userId, messageId, data }) => [type, userId, messageId, data]),
      [['begun', null, null, null]],
    );
    assert.equal((await storage.chatTotals.total({ userId: null })).chats, 1);
    const again = await newConversation(storage);
    await assert.rejects(storage.conversations.begin(again, newClaim()), isTakenClaim);
    assert.equal(await storage.conversations.find(again.id), undefined);
    assert.equal((await storage.customers.find(1))?.conversationCount, 1);
  });

  it('of a user are among the user’s, and called after the first question', async (test) => {
    const storage = await openOne(test);
    const begun = await newConversation(storage, { userId: 7, customer: { userId: 7 } });
    await storage.conversations.begin(begun);
    assert.equal(await storage.conversations.countOf(7), 1);
    assert.equal(await storage.messages.countOf(7), 0);
    assert.deepEqual(
      (await storage.conversations.listOf(7, page)).map(({ id }) => id),
      [begun.id],
    );
    for (const title of ['What is it?', 'And then?']) {
      await storage.turns.begin(
        await newTurn(storage, { conversation: { kind: 'existing', id: begun.id, title } }),
      );
    }
    const { title, messageCount } = await find(storage, begun.id);
    assert.deepEqual([title, messageCount], ['What is it?', 4]);
  });
}

function guestTests(openOne: OpenOne): void {
  it('are asked and answered, and are in nobody’s history', async (test) => {
    const storage = await openOne(test);
    const turn = await newTurn(storage, { userId: null });
    const { id } = turn.conversation;
    await storage.turns.begin(turn);
    await storage.turns.append(turn.id, 0, 'It');
    const citations = [{ number: 1, articleId: null, title: 'About', section: null }];
    assert.equal(await storage.turns.end(endOf(turn, { citations })), true);
    const more = await newTurn(storage, { userId: null, conversation: { kind: 'existing', id } });
    await storage.turns.begin(more);
    const listed = await storage.messages.listOf(id, page);
    assert.deepEqual(
      listed.map((message) => [message.place, message.userId, message.citations]),
      [
        [1, null, null],
        [2, null, citations],
        [3, null, null],
        [4, null, null],
      ],
    );
    assert.deepEqual(await storage.messages.historyOf(0, { ...page, newestFirst: true }), []);
    const foreign = await newTurn(storage, { conversation: { kind: 'existing', id } });
    await assert.rejects(storage.turns.begin(foreign), isRefusedUnit);
    const own = await newTurn(storage);
    await storage.turns.begin(own);
    const taken = await newTurn(storage, {
      userId: null,
      conversation: { kind: 'existing', id: own.conversation.id },
    });
    await assert.rejects(storage.turns.begin(taken), isRefusedUnit, 'a guest asks in no user’s conversation');
  });

  it('are renamed, rated and removed by nobody else', async (test) => {
    const storage = await openOne(test);
    const { conversations } = storage;
    const { id } = await inCharge(storage, []);
    const own = await newTurn(storage);
    await storage.turns.begin(own);
    const rating = { channel: 'helpdesk', score: 4, comment: null, day: '2026-09-21', at: 2000 };
    const whose: [number, number | null, boolean][] = [
      [id, 7, false],
      [own.conversation.id, null, false],
      [id, null, true],
    ];
    for (const [conversationId, userId, expected] of whose) {
      const renaming = { id: conversationId, userId, title: 'Other', at: 2000 };
      assert.equal(await conversations.rename(renaming), expected);
      assert.equal(await conversations.rate({ ...rating, conversationId, userId }), expected);
      assert.equal((await find(storage, conversationId)).title === 'Other', expected);
      assert.equal((await conversations.ratingOf(conversationId))?.score, expected ? 4 : undefined);
    }
    assert.equal(await conversations.rate({ ...rating, score: 1, conversationId: id, userId: null }), true);
    const { ratings, satisfied } = await storage.chatTotals.total({ userId: null });
    assert.deepEqual([ratings, satisfied], [1, 0]);
    for (const [conversationId, userId, expected] of whose) {
      assert.equal(await conversations.remove({ id: conversationId, userId, at: 3000 }), expected);
    }
    assert.equal(await conversations.find(id), undefined);
    assert.equal(await conversations.ratingOf(id), undefined);
    assert.equal((await storage.feed.after({ conversationId: id }, 0, 10)).at(-1)?.type, 'removed');
  });
}

function customerTests(openOne: OpenOne): void {
  it('are who begins conversations: an account with its name, or a guest', async (test) => {
    const storage = await openOne(test);
    const userId = await storage.users.create(newUser());
    const begin = async (changes: Parameters<typeof newConversation>[1]) =>
      storage.conversations.begin(await newConversation(storage, changes));
    await begin({ customer: { guestId: '7' } });
    await begin({ userId, customer: { userId }, at: 2000 });
    await begin({ customer: { guestId: '7' }, at: 3000 });
    await begin({ customer: { guestId: `user:${userId}` }, key: 'key-4', at: 4000 });
    const named = { name: 'Ada Lovelace', email: 'Ada@Example.com' };
    const expected = [
      { userId: null, guestId: '7', name: '7', email: null, conversationCount: 2, seen: [1000, 3000] },
      { userId, guestId: null, ...named, conversationCount: 1, seen: [2000, 2000] },
    ];
    const found = await storage.customers.findMany([1, 2]);
    assert.deepEqual(
      [1, 2].map((id) => found.get(id)),
      expected.map(({ seen, ...customer }, index) => ({
        id: index + 1,
        ...customer,
        firstSeenAt: seen[0],
        lastSeenAt: seen[1],
      })),
    );
    const { conversations } = storage;
    const { customerId } = (await conversations.findByKey('key-4')) ?? assert.fail();
    const guest = await storage.customers.find(customerId);
    assert.deepEqual([guest?.userId, guest?.name], [null, `user:${userId}`], 'a guest is never an account');
  });

  it('are seen when they say something, to the minute, and have one conversation less after a removal', async (test) => {
    const storage = await openOne(test);
    const conversation = await inCharge(storage, []);
    const { id, customerId } = conversation;
    const customer = async () => {
      const { conversationCount, lastSeenAt } = (await storage.customers.find(customerId)) ?? assert.fail();
      return [conversationCount, lastSeenAt];
    };
    const existing = { conversation: { kind: 'existing', id } as const, userId: null };
    await storage.turns.begin(await newTurn(storage, { ...existing, at: 61_000 }));
    assert.deepEqual(await customer(), [1, 1000], 'seen a minute ago');
    await storage.turns.begin(await newTurn(storage, { ...existing, at: 61_001 }));
    assert.deepEqual(await customer(), [1, 61_001]);
    await storage.ownership.change(changeOf(conversation, { ...to(3), at: 70_000 }));
    await storage.posts.post(await newPost(storage, conversation, { at: 130_000 }));
    await storage.posts.post(await newPost(storage, conversation, { at: 200_000, agentId: 3 }));
    assert.deepEqual(await customer(), [1, 130_000]);
    await storage.conversations.remove({ id, userId: null, at: 300_000 });
    assert.deepEqual(await customer(), [0, 130_000]);
  });
}

function receiptTests(openOne: OpenOne): void {
  it('of answers to a guest move for the guest, and never the guest’s own messages', async (test) => {
    const storage = await openOne(test);
    const { messages } = storage;
    const conversation = await inCharge(storage, [to(3)]);
    const asked = await newPost(storage, conversation);
    const answer = await newPost(storage, conversation, { agentId: 3 });
    for (const post of [asked, answer]) assert.equal(await storage.posts.post(post), true);
    const acknowledgement = {
      conversationId: conversation.id,
      upTo: 1e15,
      receipt: 'read',
      at: 5000,
    } as const;
    assert.equal(await messages.acknowledge({ ...acknowledgement, userId: 7 }), 0);
    assert.equal(await messages.acknowledge({ ...acknowledgement, userId: null }), 1);
    assert.equal((await messages.find(asked.id))?.receipt, 'sent');
    assert.equal((await messages.find(answer.id))?.receipt, 'read');
    const [event] = (await storage.feed.after({ conversationId: conversation.id }, 0, 10)).slice(-1);
    assert.deepEqual(event?.data, { receipt: 'read', messageIds: [answer.id] });
  });

  it('of a user’s messages to people are left alone by the user, too', async (test) => {
    const storage = await openOne(test);
    const user = { userId: 7, customer: { userId: 7 } };
    const conversation = await inCharge(storage, [{}], user);
    const post = await newPost(storage, conversation);
    await storage.posts.post(post);
    for (const scope of [{}, { conversationId: conversation.id }]) {
      const acknowledgement = { userId: 7, ...scope, upTo: post.id, receipt: 'read', at: 5000 } as const;
      assert.equal(await storage.messages.acknowledge(acknowledgement), 0);
    }
    assert.equal((await storage.messages.find(post.id))?.receipt, 'sent');
  });

  it('of the customer’s messages are moved by staff, forward and up to a message', async (test) => {
    const storage = await openOne(test);
    const { messages, posts, feed } = storage;
    const asked = await newTurn(storage, { userId: null });
    const { id } = asked.conversation;
    await storage.turns.begin(asked);
    await storage.turns.end(endOf(asked));
    await storage.ownership.change(changeOf(await find(storage, id)));
    const conversation = await find(storage, id);
    const [first, second, third] = await Promise.all([1, 2, 3].map(() => newPost(storage, conversation)));
    assert.ok(first && second && third);
    for (const post of [first, second, third]) await posts.post(post);
    const head = await feed.head();
    const move = (upTo: number, receipt: 'delivered' | 'read') =>
      messages.acknowledgeByStaff({ conversationId: id, upTo, receipt, at: 5000 });
    assert.equal(await move(second.id, 'delivered'), 2);
    assert.equal(await move(first.id, 'read'), 1);
    assert.equal(await move(first.id, 'delivered'), 0);
    assert.equal(await move(third.id, 'read'), 2);
    assert.equal(await move(third.id, 'read'), 0);
    assert.equal((await messages.find(asked.id))?.receipt, 'sent', 'the answer is the customer’s to read');
    const later = await newPost(storage, conversation);
    await posts.post(later);
    assert.equal(await move(later.id, 'delivered'), 1);
    const events = await feed.after({ conversationId: id }, head, 10);
    const data = events.filter(({ type }) => type === 'receipt').map((event) => event.data);
    assert.deepEqual(data, [
      { receipt: 'delivered', messageIds: [first.id, second.id], by: 'staff' },
      { receipt: 'read', messageIds: [first.id], by: 'staff' },
      { receipt: 'read', messageIds: [second.id, third.id], by: 'staff' },
      { receipt: 'delivered', messageIds: [later.id], by: 'staff' },
    ]);
  });
}
