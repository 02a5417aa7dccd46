import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endOf, newTurn } from '../../storage/sample-turns.fixture.ts';
import { createDeskBench, key } from './desk.fixture.ts';

const page = { skip: 0, limit: 10 };

test('a conversation is shown with its customer, assignee, last message and rating', async (t) => {
  const { desk, begin, change, says, ann, storage, bench } = await createDeskBench(t);
  const id = await begin({ metadata: { source: 'web' } });
  await change(id);
  const last = await says(id, 'Is anybody there?');
  await change(id, { status: 'open', assigneeId: ann.userId });
  const rating = { channel: 'helpdesk', score: 4, comment: null, day: '2026-09-21', at: 5 };
  await storage.conversations.rate({ conversationId: id, userId: null, ...rating });
  const shown = await desk.get(ann, id);
  assert.deepEqual(shown.metadata, { source: 'web' });
  assert.deepEqual(shown.assignee, { id: ann.userId, name: 'ann of the desk' });
  assert.equal(shown.customer.guestId, `guest_${id}`);
  assert.deepEqual([shown.lastMessage?.id, shown.lastMessage?.content], [last, 'Is anybody there?']);
  assert.deepEqual([shown.rating, shown.status, shown.createdAt], [4, 'open', bench.runtime.time]);
  const { metadata: _metadata, ...listed } = shown;
  assert.deepEqual(await desk.list(ann, {}, page), { conversations: [listed], total: 1 });
  await assert.rejects(desk.get(ann, 99), { code: 'not_found' });
});

test('a list has what the filter asks for, with what each shows', async (t) => {
  const { desk, begin, change, says, ann, bob } = await createDeskBench(t);
  const [quiet, waiting, taken] = [await begin(), await begin(), await begin()];
  await change(waiting);
  await says(waiting, 'Hello?');
  await change(taken, { status: 'open', assigneeId: bob.userId });
  const ids = async (filter: Parameters<typeof desk.list>[1]) => {
    const { conversations, total } = await desk.list(ann, filter, page);
    assert.equal(total, conversations.length);
    return conversations.map(({ id, lastMessage, assignee }) => [id, lastMessage?.content, assignee?.id]);
  };
  assert.deepEqual(await ids({ status: 'pending' }), [[waiting, 'Hello?', undefined]]);
  assert.deepEqual(await ids({ assigneeId: bob.userId }), [[taken, undefined, bob.userId]]);
  assert.deepEqual(await ids({ agentType: 'ai' }), [[quiet, undefined, undefined]]);
  assert.equal((await ids({})).length, 3);
});

test('messages are read oldest first; a running answer with what it has said so far', async (t) => {
  const { desk, storage, ann } = await createDeskBench(t);
  const turn = await newTurn(storage);
  await storage.turns.begin(turn);
  await storage.turns.append(turn.id, 0, 'It is');
  const { id } = turn.conversation;
  const { conversation, messages } = await desk.messages(ann, id, page);
  assert.equal(conversation.id, id);
  assert.deepEqual(
    messages.map(({ content, state }) => [content, state]),
    [
      ['What is it?', 'sent'],
      ['It is', 'running'],
    ],
  );
  await storage.turns.end(endOf(turn));
  const { messages: rest } = await desk.messages(ann, id, { skip: 1, limit: 10 });
  assert.deepEqual(
    rest.map(({ content }) => content),
    ['It is this.'],
  );
  const silent = await newTurn(storage, { conversation: { kind: 'existing', id }, question: 'And?' });
  await storage.turns.begin(silent);
  await storage.turns.end(endOf(silent, { state: 'failed', content: '' }));
  const last = await desk.messages(ann, id, { skip: 2, limit: 10 });
  assert.deepEqual(
    last.messages.map(({ content }) => content),
    ['And?'],
  );
  await assert.rejects(desk.messages(ann, 99, page), { code: 'not_found' });
});

test('customers are found and shown', async (t) => {
  const { desk, begin, ann } = await createDeskBench(t);
  await begin({ customer: { guestId: 'mina' } });
  await begin({ customer: { guestId: 'otto' } });
  const { customers, total } = await desk.customers(ann, 'mina', page);
  assert.deepEqual([customers.map(({ guestId }) => guestId), total], [['mina'], 1]);
  const { id = 0 } = customers[0] ?? {};
  assert.deepEqual(await desk.customer(ann, id), customers[0]);
  assert.equal((await desk.list(ann, { customerId: id }, page)).total, 1);
  await assert.rejects(desk.customer(ann, 99), { code: 'not_found' });
});

test('labels are kept, told, audited, and once under their key', async (t) => {
  const { desk, begin, ann, woken, storage, auditLog } = await createDeskBench(t);
  const id = await begin();
  const before = await storage.feed.head();
  const labels = { priority: 'urgent' as const, tags: [' refund ', '退款'] };
  const labelled = await desk.label(ann, id, labels, key('a'));
  assert.deepEqual([labelled.priority, labelled.tags], ['urgent', ['refund', '退款']]);
  await desk.label(ann, id, { tags: [] });
  const repeated = await desk.label(ann, id, labels, key('a'));
  assert.deepEqual([repeated.priority, repeated.tags], ['urgent', []]);
  assert.deepEqual(woken, [id, id]);
  const events = await storage.feed.after({ conversationId: id }, before, 10);
  assert.ok(events.every(({ type }) => type === 'status'));
  assert.equal((await auditLog.list({ action: 'conversation.label' }, page)).total, 2);
});

test('labels have their bounds', async (t) => {
  const { desk, begin, ann } = await createDeskBench(t);
  const id = await begin();
  for (const [tags, field] of [
    [Array.from({ length: 21 }, (_, n) => `t${n}`), 'tags'],
    [['a', ' a'], 'tags'],
    [['a', ' '], 'tags.1'],
    [['x'.repeat(51)], 'tags.0'],
    [['a\nb'], 'tags.0'],
  ] as const) {
    await assert.rejects(desk.label(ann, id, { tags }), { code: 'invalid_request', field });
  }
  await assert.rejects(desk.label(ann, id, {}), { code: 'invalid_request' });
  const unknown = desk.label(ann, id, { priority: 'highest' as never });
  await assert.rejects(unknown, { code: 'invalid_request', field: 'priority' });
  await assert.rejects(desk.label(ann, 99, { tags: [] }), { code: 'not_found' });
});

test('the dashboard counts today and the week from Monday', async (t) => {
  const { desk, begin, change, says, ann, storage, bench } = await createDeskBench(t);
  const { runtime } = bench;
  assert.equal(new Date(runtime.time).getUTCDay(), 1, 'it is Monday');
  const day = 24 * 60 * 60 * 1000;
  runtime.time -= day;
  await begin();
  runtime.time += day;
  const monday = await begin();
  await change(monday, { status: 'resolved', agentType: 'ai' });
  runtime.time += 2 * day;
  const taken = await begin();
  await change(taken);
  await says(taken, 'Hello?');
  await change(taken, { status: 'open', assigneeId: ann.userId });
  runtime.time += 2500;
  await storage.posts.post({
    id: await storage.messages.nextId(),
    conversationId: taken,
    userId: null,
    channel: 'helpdesk',
    agentId: ann.userId,
    content: 'Here I am.',
    tokens: 3,
    at: runtime.time,
    day: '2026-09-23',
    countedModel: '',
  });
  await begin();
  const rating = { userId: null, channel: 'helpdesk', comment: null, day: '2026-09-23', at: runtime.time };
  await storage.conversations.rate({ conversationId: taken, score: 5, ...rating });
  await storage.conversations.rate({ conversationId: monday, score: 4, ...rating });
  assert.deepEqual(await desk.dashboard(ann), {
    today: { conversations: 2, active: 2, aiHandled: 1, humanHandled: 1, averageResponseSeconds: 2.5 },
    thisWeek: { conversations: 3, satisfaction: 4.5, resolutionRate: 1 / 3 },
  });
  runtime.time += 30 * day;
  assert.deepEqual(await desk.dashboard(ann), {
    today: { conversations: 0, active: 0, aiHandled: 0, humanHandled: 0, averageResponseSeconds: 0 },
    thisWeek: { conversations: 0, satisfaction: 0, resolutionRate: 0 },
  });
});
