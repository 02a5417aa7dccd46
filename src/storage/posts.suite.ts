import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { Conversation } from './conversations.ts';
import { isTakenClaim } from './idempotency-keys.ts';
import { changeOf, find, hire, inCharge, newPost, to } from './sample-handoff.fixture.ts';
import { endOf, newClaim, newTurn } from './sample-turns.fixture.ts';
import { isRefusedUnit } from './storage-error.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';
import type { JoiningQuestion, NewTurn } from './turns.ts';

/** What every kind of storage must do with messages that have no turn of their own; `prepare` as in `storageSuite`. */
export function postsSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function openOne(test: TestContext): Promise<Storage> {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    await hire(storage, 4);
    return storage;
  }

  describe(`${kind}: messages among people`, () => postTests(openOne));
  describe(`${kind}: questions that join`, () => {
    joinTests(openOne);
    refusedJoinTests(openOne);
  });
}

type OpenOne = (test: TestContext) => Promise<Storage>;

const page = { skip: 0, limit: 20 };

function postTests(openOne: OpenOne): void {
  it('are stored, counted and told; the customer waits from the first to an answer', async (test) => {
    const storage = await openOne(test);
    const begun = await inCharge(storage, [to(3)], { userId: 7, customer: { userId: 7 } });
    const [first, second] = await Promise.all(
      [4000, 5000].map((at) => newPost(storage, begun, { at, title: `${at}` })),
    );
    const reply = await newPost(storage, begun, { agentId: 3, content: 'Yes, I am.', at: 6500 });
    assert.ok(first && second);
    const waits: (number | null)[] = [];
    for (const post of [first, second, reply]) {
      assert.equal(await storage.posts.post(post), true);
      waits.push((await find(storage, begun.id)).waitingSince);
    }
    assert.deepEqual(waits, [4000, 4000, null]);
    const shown = (await storage.messages.listOf(begun.id, page)).map((message) => [
      message.id,
      message.place,
      message.role,
      message.senderType,
      message.senderId,
      message.state,
      message.receipt,
      message.content,
    ]);
    assert.deepEqual(shown, [
      [first.id, 1, 'user', 'user', null, 'sent', 'sent', 'Is anybody there?'],
      [second.id, 2, 'user', 'user', null, 'sent', 'sent', 'Is anybody there?'],
      [reply.id, 3, 'assistant', 'human', 3, 'completed', 'sent', 'Yes, I am.'],
    ]);
    const events = await storage.feed.after({ userId: 7 }, 2, 10);
    assert.deepEqual(
      events.map(({ type, messageId, data }) => [type, messageId, data]),
      [
        ['asked', first.id, { turnId: null }],
        ['asked', second.id, { turnId: null }],
        ['replied', reply.id, null],
      ],
    );
    const { title, messageCount, lastMessageAt } = await find(storage, begun.id);
    assert.deepEqual([title, messageCount, lastMessageAt], ['4000', 3, 6500]);
    assert.equal(await storage.messages.countOf(7), 3);
    const history = await storage.messages.historyOf(7, { ...page, newestFirst: true });
    assert.deepEqual(
      history.map(({ id }) => id),
      [reply.id, second.id, first.id],
    );
    assert.equal((await storage.chatTotals.total({ userId: 7 })).messages, 3);
    const { replies, replyMs } = await storage.deskLists.totals('2026-09-21', '2026-09-21');
    assert.deepEqual([replies, replyMs], [1, 2500]);
  });

  it('are refused whole where somebody else is in charge', async (test) => {
    const storage = await openOne(test);
    const over = { status: 'resolved', assigneeId: 3 } as const;
    const back = { status: 'open', agentType: 'ai' } as const;
    const cases = [
      { steps: [], customer: false, agent: false },
      { steps: [{}], customer: true, agent: false },
      { steps: [to(3)], customer: true, agent: true },
      { steps: [to(4)], customer: true, agent: false },
      { steps: [to(3), over], customer: false, agent: false },
      { steps: [to(3), back], customer: false, agent: false },
    ];
    for (const { steps, customer, agent } of cases) {
      const conversation = await inCharge(storage, steps);
      const head = await storage.feed.head();
      const claim = newClaim({ key: `key-${conversation.id}` });
      const said = [
        await storage.posts.post(await newPost(storage, conversation), claim),
        await storage.posts.post(await newPost(storage, conversation, { agentId: 3 })),
      ];
      assert.deepEqual(said, [customer, agent], JSON.stringify(steps));
      const stored = said.filter(Boolean).length;
      assert.equal((await storage.feed.head()) - head, stored);
      assert.equal((await find(storage, conversation.id)).messageCount, stored);
      const kept = await storage.idempotencyKeys.find(claim.owner, claim.key, 0);
      assert.equal(kept !== undefined, customer);
      const foreign = await newPost(storage, { ...conversation, userId: 7 });
      assert.equal(await storage.posts.post(foreign), false, 'nobody else’s');
    }
  });

  it('are stored once under one key', async (test) => {
    const storage = await openOne(test);
    const conversation = await inCharge(storage, [{}]);
    const post = async () => storage.posts.post(await newPost(storage, conversation), newClaim());
    assert.equal(await post(), true);
    await assert.rejects(post(), isTakenClaim);
    assert.equal((await find(storage, conversation.id)).messageCount, 1);
  });

  it('come before the change that silences them, or not at all', async (test) => {
    const storage = await openOne(test);
    for (const postsFirst of [true, false]) {
      const conversation = await inCharge(storage, [to(3)]);
      const written = await newPost(storage, conversation, { agentId: 3 });
      const post = () => storage.posts.post(written);
      const change = () => storage.ownership.change(changeOf(conversation, to(4)));
      const [a, b] = await Promise.all(postsFirst ? [post(), change()] : [change(), post()]);
      assert.deepEqual([a, b], [true, postsFirst]);
      assert.equal((await find(storage, conversation.id)).messageCount, postsFirst ? 1 : 0);
    }
  });
}

/** A question that joins `turn`. */
async function joining({ messages }: Storage, turn: NewTurn, changes: Partial<JoiningQuestion> = {}) {
  const { id: turnId, userId, channel, day } = turn;
  const conversationId = turn.conversation.id;
  const question = { questionId: await messages.nextId(), question: 'And that?', questionTokens: 3 };
  return {
    turnId,
    fence: 1,
    conversationId,
    userId,
    channel,
    day,
    countedModel: 'gpt-4o',
    at: 1500,
    ...question,
    ...changes,
  };
}

function joinTests(openOne: OpenOne): void {
  it('stand before the answer, which is theirs then', async (test) => {
    const storage = await openOne(test);
    const { turns, messages } = storage;
    const turn = await newTurn(storage);
    await turns.begin(turn);
    const other = await newTurn(storage);
    await turns.begin(other);
    const [first, second] = [await joining(storage, turn), await joining(storage, turn, { at: 1600 })];
    assert.equal(await turns.join(first, newClaim()), true);
    assert.equal((await turns.find(turn.id))?.state, 'queued');
    assert.equal(await turns.start(turn.id, 9000), true);
    assert.equal(await turns.join(second), true);
    const { state, questionId } = (await turns.find(turn.id)) ?? assert.fail();
    assert.deepEqual([state, questionId], ['queued', second.questionId]);
    const listed = await messages.listOf(turn.conversation.id, page);
    assert.deepEqual(
      listed.map((message) => [message.id, message.place, message.state, message.receipt]),
      [
        [turn.questionId, 1, 'sent', 'read'],
        [first.questionId, 2, 'sent', 'read'],
        [second.questionId, 3, 'sent', 'read'],
        [turn.id, 4, 'queued', 'sent'],
      ],
    );
    assert.deepEqual([listed[3]?.questionId, listed[3]?.createdAt], [second.questionId, 1600]);
    const whole = await messages.historyOf(7, { ...page, newestFirst: false });
    assert.deepEqual(
      whole.map(({ id }) => id),
      [turn.questionId, first.questionId, other.questionId, other.id, second.questionId, turn.id],
      'the answer is the user’s last message each time',
    );
    const deep = await messages.historyOf(7, { skip: 4, limit: 1, newestFirst: false });
    assert.equal(deep[0]?.id, second.questionId);
    const events = await storage.feed.after({ conversationId: turn.conversation.id }, 1, 10);
    assert.deepEqual(
      events.map(({ type, messageId, data }) => [type, messageId, data]),
      [first, second].map((question) => ['asked', question.questionId, { turnId: turn.id }]),
    );
    assert.equal((await storage.chatTotals.total({ userId: 7 })).messages, 4);
    assert.equal(await turns.end(endOf(turn, { questionId: second.questionId })), true);
    assert.equal(await messages.acknowledge({ userId: 7, upTo: turn.id, receipt: 'read', at: 3000 }), 1);
  });

  it('stay among a guest’s, and receipts that were moved stay so', async (test) => {
    const storage = await openOne(test);
    const { turns, messages } = storage;
    const begun = await newTurn(storage, { userId: null });
    const { id } = begun.conversation;
    await turns.begin(begun);
    await turns.end(endOf(begun));
    const turn = await newTurn(storage, { userId: null, conversation: { kind: 'existing', id } });
    await turns.begin(turn);
    const acknowledgement = { userId: null, conversationId: id, upTo: 1e15, receipt: 'read', at: 1 } as const;
    assert.equal(await messages.acknowledge(acknowledgement), 1);
    assert.equal(await messages.acknowledgeByStaff(acknowledgement), 0);
    assert.equal(await turns.join(await joining(storage, turn)), true);
    assert.equal(await messages.acknowledge(acknowledgement), 0);
    assert.equal(await turns.end(endOf(turn)), true);
    assert.equal(await messages.acknowledge(acknowledgement), 1);
    assert.equal((await messages.find(turn.id))?.place, 5);
  });
}

function refusedJoinTests(openOne: OpenOne): void {
  it('are refused whole where the answer has begun, ended, or is somebody else’s', async (test) => {
    const storage = await openOne(test);
    const { turns } = storage;
    const begun = async (changes: Partial<NewTurn> = {}) => {
      const turn = await newTurn(storage, changes);
      await turns.begin(turn);
      return turn;
    };
    const said = await begun();
    await turns.append(said.id, 0, 'It');
    const ended = await begun();
    await turns.end(endOf(ended));
    const another = await begun();
    const overtaken = await begun();
    await begun({ conversation: { kind: 'existing', id: overtaken.conversation.id } });
    const taken = await begun({ node: 'gone' });
    await turns.takeOver('node-1', null, 9000);
    const handedOver = await begun();
    const conversation = await find(storage, handedOver.conversation.id);
    await storage.ownership.change(changeOf(conversation));
    const questions = await Promise.all(
      [said, ended, overtaken, taken, handedOver].map((turn) => joining(storage, turn)),
    );
    questions.push(await joining(storage, another, { userId: 8 }));
    questions.push(await joining(storage, another, { conversationId: said.conversation.id }));
    questions.push(await joining(storage, handedOver, { fence: 2 }));
    const head = await storage.feed.head();
    const messages = await storage.messages.countOf(7);
    for (const question of questions) {
      assert.equal(await turns.join(question, newClaim()), false);
      assert.equal(await storage.messages.find(question.questionId), undefined);
    }
    assert.equal(await storage.feed.head(), head);
    assert.equal(await storage.messages.countOf(7), messages);
    assert.equal(await storage.idempotencyKeys.find('user:7', 'key-1', 0), undefined);
    await storage.idempotencyKeys.put(newClaim(), 0);
    await assert.rejects(turns.join(await joining(storage, another), newClaim()), isTakenClaim);
  });

  it('are refused where the answer’s first word, its end or a person was quicker, and stored where not', async (test) => {
    const storage = await openOne(test);
    const { turns, ownership } = storage;
    for (const joinFirst of [true, false]) {
      const rivals = {
        append: (turn: NewTurn) => turns.append(turn.id, 0, 'It'),
        end: (turn: NewTurn) => turns.end(endOf(turn)),
        change: (_turn: NewTurn, conversation: Conversation) => ownership.change(changeOf(conversation)),
      };
      for (const [name, rival] of Object.entries(rivals)) {
        const turn = await newTurn(storage);
        await turns.begin(turn);
        const conversation = await find(storage, turn.conversation.id);
        const question = await joining(storage, turn);
        const join = () => turns.join(question);
        const other = () => rival(turn, conversation);
        const [a, b] = await Promise.all(joinFirst ? [join(), other()] : [other(), join()]);
        assert.deepEqual([a, b], [true, joinFirst], name);
      }
    }
  });

  it('begin anew where a person was quicker: a question is refused, too', async (test) => {
    const storage = await openOne(test);
    for (const beginFirst of [true, false]) {
      const conversation = await inCharge(storage, []);
      const existing = { kind: 'existing', id: conversation.id } as const;
      const turn = await newTurn(storage, { userId: null, conversation: existing });
      const begin = () => storage.turns.begin(turn);
      const change = () => storage.ownership.change(changeOf(conversation));
      const outcomes = await Promise.allSettled(beginFirst ? [begin(), change()] : [change(), begin()]);
      const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
      assert.deepEqual([refused.length, refused.every(isRefusedUnit)], [beginFirst ? 0 : 1, true]);
      assert.equal(await storage.turns.end(endOf(turn)), false, 'nobody hears of an answer begun before');
    }
  });
}
