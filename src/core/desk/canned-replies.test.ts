import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createCannedReplies } from './canned-replies.ts';
import { createDeskBench, key } from './desk.fixture.ts';

const page = { skip: 0, limit: 10 };
const greeting = { shortcut: 'hi', title: 'Greeting', content: 'Good day, how can I help?' };

async function createTested(t: TestContext) {
  const tested = await createDeskBench(t);
  const { storage, idempotency, bench } = tested;
  const replies = createCannedReplies({ rows: storage.cannedReplies, idempotency, runtime: bench.runtime });
  return { ...tested, replies };
}

test('a canned reply is made, changed and removed, each once under its key, and audited', async (t) => {
  const { replies, boss, auditLog, bench } = await createTested(t);
  const made = await replies.create(boss, { ...greeting, title: ' Greeting ' }, key('a'));
  const { time } = bench.runtime;
  assert.deepEqual(made, { id: 1, ...greeting, createdBy: boss.userId, createdAt: time, updatedAt: time });
  assert.deepEqual(await replies.create(boss, greeting, key('a')), made);

  bench.runtime.time += 5;
  const changed = await replies.update(boss, 1, { content: 'Hello!', title: undefined }, key('b'));
  assert.deepEqual(changed, { ...made, content: 'Hello!', updatedAt: time + 5 });
  assert.deepEqual(await replies.update(boss, 1, { content: 'Hello!' }, key('b')), changed);

  await replies.remove(boss, 1, key('c'));
  await replies.remove(boss, 1, key('c'));
  assert.equal((await replies.list(boss, undefined, page)).total, 0);
  const { entries } = await auditLog.list({ targetType: 'canned_reply' }, page);
  assert.deepEqual(
    entries.map(({ action, details }) => [action, details]),
    ['delete', 'update', 'create'].map((verb) => [`canned_reply.${verb}`, { shortcut: 'hi' }]),
  );
});

test('one that is not there is neither changed nor removed', async (t) => {
  const { replies, boss } = await createTested(t);
  await assert.rejects(replies.update(boss, 9, { title: 'x' }), { code: 'not_found' });
  await assert.rejects(replies.remove(boss, 9), { code: 'not_found' });
});

test('a shortcut is taken in any case; nothing is lost by the refusal', async (t) => {
  const { replies, boss } = await createTested(t);
  await replies.create(boss, greeting);
  const other = await replies.create(boss, { ...greeting, shortcut: 'bye' });
  const taken = { code: 'already_taken', field: 'shortcut' };
  await assert.rejects(replies.create(boss, { ...greeting, shortcut: 'HI' }), taken);
  await assert.rejects(replies.update(boss, other.id, { shortcut: 'Hi' }), taken);
  await replies.update(boss, other.id, { shortcut: 'BYE' });
});

test('every field has its bounds', async (t) => {
  const { replies, boss } = await createTested(t);
  for (const [change, field] of [
    [{ shortcut: '' }, 'shortcut'],
    [{ shortcut: 'two words' }, 'shortcut'],
    [{ shortcut: 'x'.repeat(51) }, 'shortcut'],
    [{ title: ' ' }, 'title'],
    [{ title: 'a\nb' }, 'title'],
    [{ title: 'x'.repeat(201) }, 'title'],
    [{ content: '' }, 'content'],
    [{ content: 'x'.repeat(16_001) }, 'content'],
  ] as const) {
    const refused = { code: 'invalid_request', field };
    await assert.rejects(async () => replies.create(boss, { ...greeting, ...change }), refused);
  }
  assert.equal((await replies.create(boss, { ...greeting, content: '字'.repeat(16_000) })).id, 1);
});

test('replies are found by every word of a search, in shortcut, title and content, page by page', async (t) => {
  const { replies, boss } = await createTested(t);
  await replies.create(boss, greeting);
  await replies.create(boss, {
    shortcut: 'refund',
    title: '退款说明',
    content: 'The REFUND takes five days.',
  });
  await replies.create(boss, { shortcut: 'days', title: 'Opening', content: 'Good on all days.' });
  const found = async (search: string | undefined) =>
    (await replies.list(boss, search, page)).replies.map(({ shortcut }) => shortcut);
  assert.deepEqual(await found(undefined), ['days', 'hi', 'refund']);
  assert.deepEqual(await found(' '), ['days', 'hi', 'refund']);
  assert.deepEqual(await found('good DAY'), ['days', 'hi']);
  assert.deepEqual(await found('refund five'), ['refund']);
  assert.deepEqual(await found('退款'), ['refund']);
  assert.deepEqual(await found('nothing'), []);
  const second = await replies.list(boss, undefined, { skip: 1, limit: 1 });
  assert.deepEqual([second.replies.map(({ shortcut }) => shortcut), second.total], [['hi'], 3]);
});

test('there are at most 1,000', async (t) => {
  const { replies, boss, storage } = await createTested(t);
  const { cannedReplies } = storage;
  const rows = Array.from({ length: 1_000 }, (_, n) => ({
    ...greeting,
    shortcut: `s${n}`,
    createdBy: 1,
    at: 1,
  }));
  await Promise.all(
    rows.map(async (row) => cannedReplies.create({ ...row, id: await cannedReplies.nextId() })),
  );
  await assert.rejects(replies.create(boss, greeting), { code: 'quota_exceeded' });
});
