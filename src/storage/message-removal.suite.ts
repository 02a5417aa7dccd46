import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { isTakenClaim } from './idempotency-keys.ts';
import type { MessageRemoval } from './messages.ts';
import { find, hire, inCharge, newPost, to } from './sample-handoff.fixture.ts';
import { endOf, newClaim, newTurn } from './sample-turns.fixture.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';
import type { NewTurn } from './turns.ts';

/** What every kind of storage must do with messages that are removed, and with pages of what is left; `prepare` as in `storageSuite`. */
export function messageRemovalSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function openOne(test: TestContext): Promise<Storage> {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    return storage;
  }

  describe(`${kind}: messages that are removed`, () => removalTests(openOne));
  describe(`${kind}: pages without some messages`, () => pageTests(openOne));
}

type OpenOne = (test: TestContext) => Promise<Storage>;

const page = { skip: 0, limit: 100 };

function existing({ conversation }: NewTurn): Pick<NewTurn, 'conversation'> {
  return { conversation: { kind: 'existing', id: conversation.id } };
}

/** A conversation of user 7 with so many exchanges; the messages' ids are 1, 2, 3 … */
async function talk(storage: Storage, exchanges: number, changes: Partial<NewTurn> = {}): Promise<NewTurn> {
  const first = await newTurn(storage, changes);
  for (let turn = first, at = 0; at < exchanges; at++) {
    await storage.turns.begin(turn);
    assert.equal(await storage.turns.end(endOf(turn)), true);
    if (at + 1 < exchanges) turn = await newTurn(storage, { ...changes, ...existing(first) });
  }
  return first;
}

function removalOf({ conversation }: NewTurn, id: number, changes: Partial<MessageRemoval> = {}) {
  return { id, conversationId: conversation.id, userId: 7, at: 3000, ...changes };
}

const idsOf = (messages: readonly { id: number }[]) => messages.map(({ id }) => id);

function removalTests(openOne: OpenOne): void {
  it('are gone with an event; what is counted falls, but for the statistics', async (test) => {
    const storage = await openOne(test);
    const { messages, conversations, chatTotals } = storage;
    const talked = await talk(storage, 2);
    const before = await chatTotals.total({ userId: 7 });
    assert.equal(await messages.remove(removalOf(talked, 3), newClaim()), true);
    assert.equal(await messages.find(3), undefined);
    const { messageCount, updatedAt, lastMessageAt } = await find(storage, talked.conversation.id);
    assert.deepEqual([messageCount, updatedAt, lastMessageAt], [3, 3000, 2000]);
    const [listed] = await conversations.listOf(7, page);
    assert.equal(listed?.messageCount, 3);
    assert.equal(await messages.countOf(7), 3);
    assert.deepEqual(await chatTotals.total({ userId: 7 }), before);
    const [event] = await storage.feed.after({ userId: 7 }, 4, 10);
    assert.deepEqual(event, {
      cursor: 5,
      conversationId: talked.conversation.id,
      userId: 7,
      type: 'message_removed',
      messageId: 3,
      at: 3000,
      data: null,
    });
    assert.notEqual(await storage.idempotencyKeys.find('user:7', 'key-1', 0), undefined);
  });

  it('are the user’s own, in that conversation, and still there; else nothing changes', async (test) => {
    const storage = await openOne(test);
    const talked = await talk(storage, 1);
    const other = await talk(storage, 1);
    const head = await storage.feed.head();
    for (const changes of [
      { userId: 8 },
      { userId: null },
      { conversationId: other.conversation.id },
      { conversationId: 99 },
      { id: 99 },
    ]) {
      const removal = removalOf(talked, 1, changes);
      assert.equal(await storage.messages.remove(removal, newClaim()), false, JSON.stringify(changes));
    }
    assert.equal(await storage.messages.remove(removalOf(talked, 1)), true);
    assert.equal(await storage.messages.remove(removalOf(talked, 1)), false, 'once');
    assert.equal(await storage.messages.countOf(7), 3);
    assert.equal((await storage.feed.after('everyone', head, 10)).length, 1);
    assert.equal((await find(storage, talked.conversation.id)).messageCount, 1);
    assert.equal(await storage.idempotencyKeys.find('user:7', 'key-1', 0), undefined);
  });

  it('are removed once under one key', async (test) => {
    const storage = await openOne(test);
    const talked = await talk(storage, 1);
    assert.equal(await storage.messages.remove(removalOf(talked, 1), newClaim()), true);
    await assert.rejects(storage.messages.remove(removalOf(talked, 2), newClaim()), isTakenClaim);
    assert.deepEqual(idsOf(await storage.messages.listOf(talked.conversation.id, page)), [2]);
  });

  it('of nobody are in nobody’s counters', async (test) => {
    const storage = await openOne(test);
    const talked = await talk(storage, 1, { userId: null });
    assert.equal(await storage.messages.remove(removalOf(talked, 2, { userId: null })), true);
    assert.equal((await find(storage, talked.conversation.id)).messageCount, 1);
  });

  it('take an answer on its way with them: its turn has ended, and says nothing more', async (test) => {
    const storage = await openOne(test);
    const { turns, messages } = storage;
    const turn = await newTurn(storage);
    await turns.begin(turn);
    await turns.append(turn.id, 0, 'It is');
    assert.equal(await messages.remove(removalOf(turn, turn.id)), true);
    assert.equal(await turns.find(turn.id), undefined);
    assert.equal(await turns.textOf(turn.id), '');
    assert.equal(await turns.append(turn.id, 5, ' this'), false);
    assert.equal(await turns.end(endOf(turn)), false);
    assert.deepEqual(await turns.takeOver('node-2', null, 9000), []);
  });

  it('leave an answer whose question is gone to its end', async (test) => {
    const storage = await openOne(test);
    const turn = await newTurn(storage);
    await storage.turns.begin(turn);
    assert.equal(await storage.messages.remove(removalOf(turn, turn.questionId)), true);
    const failed = endOf(turn, { state: 'failed', content: '' });
    assert.equal(await storage.turns.end(failed), true);
    assert.deepEqual(idsOf(await storage.messages.listOf(turn.conversation.id, page)), [turn.id]);
  });

  it('leave their places to nobody: what is said next comes after all that ever was', async (test) => {
    const storage = await openOne(test);
    const talked = await talk(storage, 2);
    const { id } = talked.conversation;
    for (const last of [4, 3]) assert.equal(await storage.messages.remove(removalOf(talked, last)), true);
    await storage.turns.begin(await newTurn(storage, existing(talked)));
    const places = (await storage.messages.listOf(id, page)).map((message) => [message.id, message.place]);
    assert.deepEqual(places, [
      [1, 1],
      [2, 2],
      [5, 5],
      [6, 6],
    ]);
    assert.deepEqual(idsOf(await storage.messages.newestBefore(id, 6, 2)), [5, 2]);
    assert.deepEqual(idsOf(await storage.messages.contextBefore(id, 5, 10)), [2, 1]);
    assert.equal((await find(storage, id)).messageCount, 4);
  });

  it('keep nothing from joining the last answer, but what came after it', async (test) => {
    const storage = await openOne(test);
    const { turns, messages } = storage;
    const talked = await talk(storage, 1);
    assert.equal(await messages.remove(removalOf(talked, 1)), true);
    const running = await newTurn(storage, existing(talked));
    await turns.begin(running);
    const join = async () =>
      turns.join({
        turnId: running.id,
        fence: 1,
        conversationId: talked.conversation.id,
        userId: 7,
        channel: 'assistant',
        questionId: await messages.nextId(),
        question: 'And that?',
        questionTokens: 3,
        at: 3500,
        day: '2026-09-21',
        countedModel: 'gpt-4o',
      });
    assert.equal(await join(), true);
    assert.deepEqual(idsOf(await messages.listOf(talked.conversation.id, page)), [2, 3, 5, 4]);
    assert.deepEqual(idsOf(await messages.historyOf(7, { ...page, newestFirst: true })), [4, 5, 3, 2]);
    const later = await newTurn(storage, existing(talked));
    await turns.begin(later);
    for (const id of [later.questionId, later.id]) {
      assert.equal(await messages.remove(removalOf(talked, id)), true);
    }
    assert.equal(await join(), false, 'another place would be lost');
  });

  it('are no part of receipts, lists and the removal of their conversation', async (test) => {
    const storage = await openOne(test);
    const { messages, posts, conversations, deskDetails } = storage;
    await hire(storage, 3);
    const owner = { userId: 7, customer: { userId: 7 } };
    const conversation = await inCharge(storage, [to(3)], owner);
    const { id: conversationId } = conversation;
    for (const content of ['One', 'Two', 'Three']) {
      assert.equal(await posts.post(await newPost(storage, conversation, { agentId: 3, content })), true);
    }
    const removal = (id: number) => ({ id, conversationId, userId: 7, at: 5000 });
    assert.equal(await messages.remove(removal(1)), true);
    const acknowledge = () => messages.acknowledge({ userId: 7, upTo: 99, receipt: 'read', at: 5000 });
    assert.deepEqual([await acknowledge(), await acknowledge()], [2, 0]);
    assert.equal(await messages.remove(removal(3)), true);
    assert.equal((await deskDetails.lastMessagesOf([conversationId])).get(conversationId)?.content, 'Two');
    assert.equal(await posts.post(await newPost(storage, conversation, { agentId: 3 })), true);
    assert.equal(
      await messages.acknowledge({ userId: 7, conversationId, upTo: 99, receipt: 'read', at: 6000 }),
      1,
    );
    const other = await talk(storage, 1);
    assert.equal(await conversations.remove({ id: conversationId, userId: 7, at: 7000 }), true);
    assert.equal(await messages.countOf(7), 2);
    assert.equal(await messages.remove(removalOf(other, other.id)), true);
    assert.equal(await messages.countOf(7), 1);
  });

  it('are found no more', async (test) => {
    const storage = await openOne(test);
    const talked = await talk(storage, 1);
    while (await storage.messageSearch.follow());
    const total = async () => (await storage.messageSearch.find('this', page)).total;
    assert.equal(await total(), 1);
    assert.equal(await storage.messages.remove(removalOf(talked, 2)), true);
    assert.equal(await total(), 0);
    while (await storage.messageSearch.follow());
    assert.equal(await total(), 0);
  });
}

/** What `slice` gives of `all`, for pages everywhere. */
async function assertPages(
  all: readonly number[],
  read: (page: { skip: number; limit: number }) => Promise<readonly { id: number }[]>,
): Promise<void> {
  for (let skip = 0; skip <= all.length + 1; skip++) {
    for (const limit of [1, 2, 100]) {
      assert.deepEqual(idsOf(await read({ skip, limit })), all.slice(skip, skip + limit), `${skip} ${limit}`);
    }
  }
}

function pageTests(openOne: OpenOne): void {
  it('are right whichever were removed, of a conversation and of a user', async (test) => {
    const storage = await openOne(test);
    const { messages } = storage;
    const talked = await talk(storage, 3);
    const other = await talk(storage, 1);
    const { id } = talked.conversation;
    let left = [1, 2, 3, 4, 5, 6];
    for (const removed of [4, 1, 6, 2, 5, 3]) {
      assert.equal(await messages.remove(removalOf(talked, removed)), true);
      left = left.filter((message) => message !== removed);
      await assertPages(left, (each) => messages.listOf(id, each));
      const pageOf = async (each: typeof page) => {
        const { messages: found, total, pending } = await messages.pageOf(id, each);
        assert.deepEqual([total, pending], [left.length, []]);
        return found;
      };
      await assertPages(left, pageOf);
      const all = [...left, other.questionId, other.id];
      await assertPages(all, (each) => messages.historyOf(7, { ...each, newestFirst: false }));
      await assertPages(all.toReversed(), (each) => messages.historyOf(7, { ...each, newestFirst: true }));
    }
  });

  it('leave out answers that have not ended, wherever they stand', async (test) => {
    const storage = await openOne(test);
    const { messages, turns } = storage;
    const talked = await talk(storage, 1);
    const { id } = talked.conversation;
    const asked = [
      await newTurn(storage, existing(talked)),
      await newTurn(storage, { ...existing(talked), state: 'queued' }),
    ];
    for (const turn of asked) await turns.begin(turn);
    const checked = async (ids: number[], pending: number[]) => {
      await assertPages(ids, async (each) => {
        const found = await messages.pageOf(id, each);
        assert.deepEqual([found.total, found.pending], [ids.length, pending]);
        return found.messages;
      });
    };
    const [first, second] = asked;
    assert.ok(first && second);
    await checked([1, 2, 3, 5], [4, 6]);
    assert.equal(await turns.end(endOf(second)), true);
    await checked([1, 2, 3, 5, 6], [4]);
    assert.equal(await messages.remove(removalOf(talked, 2)), true);
    await checked([1, 3, 5, 6], [4]);
    assert.equal(await turns.end(endOf(first)), true);
    await checked([1, 3, 4, 5, 6], []);
    assert.deepEqual(await messages.pageOf(99, page), { messages: [], total: 0, pending: [] });
  });
}
