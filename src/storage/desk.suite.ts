import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { NewAuditEntry } from './audit-log.ts';
import { isTakenClaim } from './idempotency-keys.ts';
import { newUser } from './sample-rows.fixture.ts';
import { endOf, newClaim, newTurn } from './sample-turns.fixture.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';

/** What every kind of storage must do with what agents keep; `prepare` as in `storageSuite`. */
export function deskSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function openOne(test: TestContext): Promise<Storage> {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    return storage;
  }

  describe(`${kind}: notes`, () => noteTests(openOne));
  describe(`${kind}: canned replies`, () => {
    cannedReplyTests(openOne);
    idTests(prepare);
  });
  describe(`${kind}: agents`, () => agentTests(openOne));
  describe(`${kind}: details of conversations`, () => detailTests(openOne));
  describe(`${kind}: settings of the desk`, () => settingTests(openOne));
}

type OpenOne = (test: TestContext) => Promise<Storage>;

const audit: NewAuditEntry = {
  at: 5,
  actorId: 1,
  ip: '192.0.2.1',
  action: 'thing.change',
  targetType: 'thing',
  targetId: '1',
  details: null,
};

async function audited({ auditLog }: Storage): Promise<number> {
  return (await auditLog.list({ action: audit.action }, { skip: 0, limit: 10 })).entries.length;
}

function noteTests(openOne: OpenOne): void {
  const page = { skip: 0, limit: 10 };

  it('are kept with their event, claim and audit entry, and read with their author, oldest first', async (test) => {
    const storage = await openOne(test);
    const { notes, users, feed } = storage;
    await users.create(newUser());
    const { conversation } = await newTurn(storage);
    await begin(storage, conversation.id);
    const before = await feed.head();
    const first = { id: await notes.nextId(), conversationId: 1, authorId: 1, content: 'Angry.', at: 5 };
    assert.equal(await notes.add(first, newClaim(), audit), true);
    const second = { id: await notes.nextId(), conversationId: 1, authorId: 99, content: 'Calmer.', at: 6 };
    assert.equal(await notes.add(second), true);

    const row = { id: 1, conversationId: 1, authorId: 1, content: 'Angry.', createdAt: 5 };
    assert.deepEqual(await notes.find(1), { ...row, authorName: 'Ada Lovelace' });
    const { notes: listed, total } = await notes.listOf(1, page);
    assert.deepEqual(
      [listed.map(({ content, authorName }) => [content, authorName]), total],
      [
        [
          ['Angry.', 'Ada Lovelace'],
          ['Calmer.', ''],
        ],
        2,
      ],
    );
    const rest = await notes.listOf(1, { skip: 1, limit: 10 });
    assert.deepEqual([rest.notes.map(({ id }) => id), rest.total], [[2], 2]);

    const events = await feed.after({ conversationId: 1 }, before, 10);
    assert.deepEqual(
      events.map(({ type, userId, data }) => [type, userId, data]),
      [
        ['noted', null, { noteId: 1 }],
        ['noted', null, { noteId: 2 }],
      ],
    );
    assert.equal(await audited(storage), 1);
  });

  it('are refused for a conversation that does not exist, and by a taken claim, and leave nothing', async (test) => {
    const storage = await openOne(test);
    const { notes } = storage;
    const note = { id: await notes.nextId(), conversationId: 1, authorId: 1, content: 'x', at: 5 };
    assert.equal(await notes.add(note, undefined, audit), false);
    await begin(storage, 1);
    await notes.add(note, newClaim());
    const again = notes.add({ ...note, id: await notes.nextId() }, newClaim(), audit);
    await assert.rejects(again, isTakenClaim);
    assert.deepEqual([(await notes.listOf(1, page)).total, await audited(storage)], [1, 0]);
  });

  it('go with their conversation', async (test) => {
    const storage = await openOne(test);
    await begin(storage, 1);
    await storage.notes.add({
      id: await storage.notes.nextId(),
      conversationId: 1,
      authorId: 1,
      content: 'x',
      at: 5,
    });
    await storage.conversations.remove({ id: 1, userId: 7, at: 6 });
    assert.equal(await storage.notes.find(1), undefined);
  });
}

/** A conversation of user 7. */
async function begin(storage: Storage, id: number): Promise<void> {
  const turn = await newTurn(storage);
  await storage.turns.begin({
    ...turn,
    conversation: { ...turn.conversation, id },
  });
}

function cannedReplyTests(openOne: OpenOne): void {
  const greeting = { shortcut: 'Hi', title: 'Greeting', content: 'Good day!' };

  it('are made, read by shortcut, changed and removed, each with claim and audit entry', async (test) => {
    const storage = await openOne(test);
    const { cannedReplies } = storage;
    await cannedReplies.create(
      { id: await cannedReplies.nextId(), ...greeting, createdBy: 3, at: 5 },
      newClaim(),
      audit,
    );
    const bye = { shortcut: 'bye', title: 'End', content: 'Good bye!' };
    await cannedReplies.create({ id: await cannedReplies.nextId(), ...bye, createdBy: 3, at: 6 });
    const row = { id: 1, ...greeting, createdBy: 3, createdAt: 5, updatedAt: 5 };
    assert.deepEqual(await cannedReplies.find(1), row);
    assert.deepEqual(
      (await cannedReplies.list()).map(({ shortcut }) => shortcut),
      ['bye', 'Hi'],
    );
    assert.equal(await cannedReplies.count(), 2);

    const hello = { ...greeting, shortcut: 'hello' };
    assert.equal(await cannedReplies.update(1, hello, 9, newClaim({ key: 'k2' }), audit), true);
    assert.deepEqual(await cannedReplies.find(1), { ...row, ...hello, updatedAt: 9 });
    assert.equal(await cannedReplies.remove(1, 10, newClaim({ key: 'k3' }), audit), true);
    assert.equal(await cannedReplies.find(1), undefined);
    assert.equal(await audited(storage), 3);
    assert.equal(await cannedReplies.update(1, hello, 11, undefined, audit), false);
    assert.equal(await cannedReplies.remove(1, 11, undefined, audit), false);
    assert.equal(await audited(storage), 3);
    await assert.rejects(cannedReplies.remove(2, 12, newClaim()), isTakenClaim);
    assert.ok(await cannedReplies.find(2));
  });

  it('have shortcuts that differ in more than case', async (test) => {
    const { cannedReplies } = await openOne(test);
    const make = async (shortcut: string) =>
      cannedReplies.create({ id: await cannedReplies.nextId(), ...greeting, shortcut, createdBy: 3, at: 5 });
    await make('Grüße');
    await make('other');
    const taken = { code: 'conflict', constraint: 'canned_replies.shortcut_key' };
    await assert.rejects(make('GRÜßE'), taken);
    await assert.rejects(cannedReplies.update(2, { ...greeting, shortcut: 'grüße' }, 6), taken);
  });

  it('are in the order of their characters, whatever the language of the store', async (test) => {
    const { cannedReplies } = await openOne(test);
    const wanted = ['-b', '2', 'A', 'a-z', 'aA', 'b', 'ä', 'Übergabe', '退款', '😀'];
    for (const shortcut of wanted.toReversed()) {
      const reply = { ...greeting, shortcut, createdBy: 3, at: 5 };
      await cannedReplies.create({ id: await cannedReplies.nextId(), ...reply });
    }
    assert.deepEqual(
      (await cannedReplies.list()).map(({ shortcut }) => shortcut),
      wanted,
    );
  });
}

function idTests(prepare: (test: TestContext) => StorageUnderTest): void {
  it('and notes count on after a restart', async (test) => {
    const { open } = prepare(test);
    const storage = await open();
    const { cannedReplies } = storage;
    const reply = { shortcut: 'a', title: 'a', content: 'a', createdBy: 1, at: 1 };
    await cannedReplies.create({ id: await cannedReplies.nextId(), ...reply });
    await cannedReplies.remove(1, 2);
    await storage.close();
    const again = await open();
    test.after(() => again.close());
    assert.equal(await again.cannedReplies.nextId(), 2);
    assert.equal(await again.notes.nextId(), 1);
  });
}

function agentTests(openOne: OpenOne): void {
  it('are the active accounts of agents and administrators', async (test) => {
    const storage = await openOne(test);
    const { agents, users } = storage;
    const person = (username: string, role: string) =>
      users.create(newUser({ username, email: `${username}@example.com`, role, fullName: '' }));
    await person('guest', 'user');
    await person('ann', 'agent');
    await person('boss', 'admin');
    await person('gone', 'agent');
    await users.change({ id: 4, status: 'disabled', at: 2 });
    const ann = {
      id: 2,
      name: 'ann',
      email: 'ann@example.com',
      role: 'agent',
      capacity: null,
      availability: 'online',
      lastAssignedAt: null,
    };
    assert.deepEqual(await agents.find(2), ann);
    assert.deepEqual(
      (await agents.list()).map(({ id }) => id),
      [2, 3],
    );
    assert.deepEqual(
      [await agents.find(1), await agents.find(4), await agents.find(9)],
      [undefined, undefined, undefined],
    );

    assert.equal(await agents.availabilityOf(2), undefined);
    assert.equal(await agents.setCapacity(2, 3, 5, newClaim(), audit), true);
    await agents.setAvailability(2, 'away');
    assert.equal(await agents.availabilityOf(2), 'away');
    await agents.noteAssigned(2, 77);
    assert.deepEqual(await agents.find(2), { ...ann, capacity: 3, availability: 'away', lastAssignedAt: 77 });
    assert.equal(await agents.setCapacity(2, null, 6), true);
    assert.equal((await agents.find(2))?.capacity, null);

    for (const id of [1, 4, 9]) {
      assert.equal(await agents.setCapacity(id, 3, 5, undefined, audit), false);
      await agents.setAvailability(id, 'away');
      assert.equal(await agents.availabilityOf(id), undefined);
      await agents.noteAssigned(id, 1);
    }
    assert.equal(await audited(storage), 1);
  });
}

function settingTests(openOne: OpenOne): void {
  it('are stored with claim and audit entry, or not at all', async (test) => {
    const storage = await openOne(test);
    const { settings } = storage;
    await settings.set('helpdesk', { capacity: 1 }, 5, audit, newClaim());
    await assert.rejects(settings.set('helpdesk', { capacity: 2 }, 6, audit, newClaim()), isTakenClaim);
    assert.deepEqual(await settings.get('helpdesk'), { capacity: 1 });
    assert.equal(await audited(storage), 1);
  });
}

function detailTests(openOne: OpenOne): void {
  it('are the newest message that says something, and the score, of many conversations at once', async (test) => {
    const storage = await openOne(test);
    const { deskDetails, turns, conversations } = storage;
    const answered = await newTurn(storage, { question: 'First?' });
    await turns.begin(answered);
    await turns.end(endOf(answered, { content: 'Answer.' }));
    const failed = await newTurn(storage, { question: 'Second?' });
    await turns.begin(failed);
    await turns.end(endOf(failed, { state: 'failed', content: '' }));
    const [one, other] = [answered.conversation.id, failed.conversation.id];
    const rating = { userId: 7, channel: 'assistant', comment: null, day: '2026-09-21', at: 5 };
    await conversations.rate({ conversationId: other, score: 4, ...rating });

    const last = await deskDetails.lastMessagesOf([one, other, 99]);
    assert.deepEqual(
      [...last].map(([id, { content }]) => [id, content]),
      [
        [one, 'Answer.'],
        [other, 'Second?'],
      ],
    );
    assert.deepEqual(last.get(one), await storage.messages.find(answered.id));
    assert.deepEqual([...(await deskDetails.scoresOf([one, other]))], [[other, 4]]);
    assert.deepEqual(
      [await deskDetails.lastMessagesOf([]), await deskDetails.scoresOf([])],
      [new Map(), new Map()],
    );
  });
}
