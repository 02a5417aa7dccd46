import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeskBench } from './desk.fixture.ts';
import { createExports } from './export.ts';

test('an export has everything, page by page, and is audited', async (t) => {
  const { storage, desk, auditLog, begin, change, says, ann, bob } = await createDeskBench(t);
  const exports = createExports({ ...storage, auditLog, desk });
  const id = await begin({ metadata: { page: '/cart' } });
  await change(id);
  for (let n = 1; n <= 201; n++) await says(id, `Message ${n}`);
  await change(id, { status: 'open', assigneeId: ann.userId, cause: 'taken', actorId: ann.userId });
  await storage.posts.post({
    id: await storage.messages.nextId(),
    conversationId: id,
    userId: null,
    channel: 'helpdesk',
    agentId: ann.userId,
    content: 'Here I am.',
    tokens: 3,
    at: 9,
    day: '2026-09-21',
    countedModel: '',
  });
  const note = { conversationId: id, authorId: bob.userId, content: 'A talker.', at: 5 };
  await storage.notes.add({ ...note, id: await storage.notes.nextId() });

  const exported = await exports.open(ann, id, 'json');
  assert.deepEqual(exported.conversation, (await desk.list(ann, {}, { skip: 0, limit: 1 })).conversations[0]);
  assert.deepEqual(exported.metadata, { page: '/cart' });
  const pages = await Array.fromAsync(exported.messages());
  assert.deepEqual(
    pages.map(({ length }) => length),
    [200, 2],
  );
  const messages = pages.flat();
  assert.deepEqual([messages[0]?.senderName, messages[0]?.content], [`guest_${id}`, 'Message 1']);
  assert.deepEqual(
    [messages.at(-1)?.senderName, messages.at(-1)?.content],
    ['ann of the desk', 'Here I am.'],
  );
  const notes = (await Array.fromAsync(exported.notes())).flat();
  assert.deepEqual(
    notes.map(({ author, content }) => [author.name, content]),
    [['bob of the desk', 'A talker.']],
  );
  const changes = (await Array.fromAsync(exported.changes())).flat();
  assert.deepEqual(
    changes.map(({ status, cause, actorName, assigneeName }) => [status, cause, actorName, assigneeName]),
    [
      ['pending', 'switched', null, null],
      ['open', 'taken', 'ann of the desk', 'ann of the desk'],
    ],
  );
  const { entries } = await auditLog.list({ action: 'conversation.export' }, { skip: 0, limit: 5 });
  assert.deepEqual(
    entries.map(({ actorId, targetId, details }) => [actorId, targetId, details]),
    [[ann.userId, String(id), { format: 'json' }]],
  );
});

test('what does not exist is not exported, and nobody is noted for it', async (t) => {
  const { storage, desk, auditLog, ann } = await createDeskBench(t);
  const exports = createExports({ ...storage, auditLog, desk });
  await assert.rejects(exports.open(ann, 9, 'csv'), { code: 'not_found' });
  assert.equal((await auditLog.list({}, { skip: 0, limit: 5 })).total, 0);
});
