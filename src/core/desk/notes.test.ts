import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createDeskBench, key } from './desk.fixture.ts';
import { createNotes } from './notes.ts';

const page = { skip: 0, limit: 10 };

async function createTested(t: TestContext) {
  const tested = await createDeskBench(t);
  const { storage, idempotency, bench, woken } = tested;
  const notes = createNotes({
    rows: storage.notes,
    conversations: storage.conversations,
    idempotency,
    runtime: bench.runtime,
    wake: (id, userId) => void woken.push(id, userId ?? 0),
  });
  return { ...tested, notes };
}

test('a note is kept, told, audited, and once under its key', async (t) => {
  const { notes, ann, bob, begin, woken, auditLog, bench } = await createTested(t);
  const id = await begin();
  const made = await notes.add(ann, id, '  Be kind.  ', key('a'));
  const author = { id: ann.userId, name: 'ann of the desk' };
  assert.deepEqual(made, {
    id: 1,
    conversationId: id,
    author,
    content: 'Be kind.',
    createdAt: bench.runtime.time,
  });
  assert.deepEqual(await notes.add(ann, id, '  Be kind.  ', key('a')), made);
  await notes.add(bob, id, 'Second.');
  const { notes: listed, total } = await notes.list(bob, id, page);
  assert.deepEqual([listed.map(({ content }) => content), total], [['Be kind.', 'Second.'], 2]);
  assert.deepEqual(woken, [id, 0, id, 0]);
  const { entries } = await auditLog.list({ action: 'note.create', targetId: String(id) }, page);
  assert.deepEqual(
    entries.map(({ details }) => details),
    [{ noteId: 2 }, { noteId: 1 }],
  );
  assert.ok(!JSON.stringify(entries).includes('kind'), 'what it says is not in the log');
});

test('a note needs a conversation and 1 to 10,000 characters', async (t) => {
  const { notes, ann, begin } = await createTested(t);
  const id = await begin();
  const refused = { code: 'invalid_request', field: 'content' };
  await assert.rejects(notes.add(ann, id, ' \n '), refused);
  await assert.rejects(notes.add(ann, id, 'é🙂'.repeat(5_000) + 'x'), refused);
  assert.equal((await notes.add(ann, id, '🙂'.repeat(10_000))).content.length, 20_000);
  await assert.rejects(notes.add(ann, 99, 'x'), { code: 'not_found' });
  await assert.rejects(notes.list(ann, 99, page), { code: 'not_found' });
});
