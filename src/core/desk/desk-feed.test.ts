import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import type { Conversation } from '../../storage/conversations.ts';
import type { Message } from '../../storage/messages.ts';
import type { NoteRow } from '../../storage/notes.ts';
import type { StaffCaller } from '../identity/caller.ts';
import { createRecordedLog } from '../log.fixture.ts';
import type { FeedItem, Watcher } from '../realtime/feed.ts';
import { createFakeRuntime } from '../runtime.fixture.ts';
import { createDeskFeed, type DeskChange } from './desk-feed.ts';
import type { DeskConversation } from './desk.ts';
import { createStaffReceipts } from './receipts.ts';

const agent: StaffCaller = {
  kind: 'user',
  ip: '192.0.2.3',
  userId: 1,
  loginId: 1,
  contract: 'helpdesk',
  role: 'agent',
};

function item(cursor: number, changes: Partial<FeedItem>): FeedItem {
  const base = { conversationId: 5, userId: null, type: 'asked' as const, messageId: null };
  return { cursor, ...base, at: 0, data: null, message: null, ...changes };
}

it('what staff are told of a change carries what they show of it, and each conversation is looked up once', async () => {
  const { promise: watched, resolve } = Promise.withResolvers<Watcher>();
  const asked: number[] = [];
  const acknowledged: unknown[] = [];
  const woken: unknown[] = [];
  const log = createRecordedLog();
  const feed = createDeskFeed({
    feed: {
      head: () => Promise.resolve(0),
      watch(_scope, _cursor, watcher) {
        resolve(watcher);
        return Promise.resolve(() => {});
      },
    },
    conversations: {
      find(id) {
        asked.push(id);
        return Promise.resolve(id === 5 ? ({ id, key: 'k5', createdAt: 7 } as Conversation) : undefined);
      },
    },
    notes: { find: (id) => Promise.resolve({ id, content: 'Known.' } as NoteRow) },
    users: { namesOf: (ids) => Promise.resolve(new Map(ids.map((id) => [id, 'Wang']))) },
    present: ({ id }) => Promise.resolve({ id, priority: 'high' } as DeskConversation),
    receipts: createStaffReceipts({
      messages: {
        acknowledgeByStaff({ conversationId, upTo, receipt }) {
          acknowledged.push([conversationId, upTo, receipt]);
          return upTo === 99
            ? Promise.reject(new Error('no disk'))
            : Promise.resolve(receipt === 'read' ? 0 : 1);
        },
      },
      runtime: createFakeRuntime(),
      wake: (conversationId, userId) => void woken.push([conversationId, userId]),
      log,
    }),
  });
  const seen: DeskChange[] = [];
  await feed.watch(agent, undefined, {
    onChanges: (changes) => void seen.push(...changes),
    onReset: () => assert.fail(),
    onFailure: (thrown) => assert.fail(String(thrown)),
  });
  const watcher = await watched;
  await watcher.onItems([item(1, { type: 'begun' })]);
  await watcher.onItems([
    item(2, { messageId: 20, at: 7, message: { place: 1, receipt: 'sent' } as Message }),
    item(3, { messageId: 21, message: { place: 2, receipt: 'sent' } as Message }),
    item(3.5, { messageId: 99, conversationId: 6, message: { place: 2, receipt: 'sent' } as Message }),
    item(3.6, { messageId: 23, data: { turnId: 24 }, message: { place: 3, receipt: 'sent' } as Message }),
    item(4, { type: 'noted', data: { noteId: 8 } }),
    item(5, { type: 'status', data: { cause: 'taken' } }),
    item(5.5, { type: 'replied', message: { senderId: 4 } as Message }),
    item(5.6, { type: 'message_removed', messageId: 21 }),
    item(5.7, { messageId: 20, at: 7 }),
    item(6, { conversationId: 9, type: 'removed' }),
  ]);
  assert.deepEqual(
    seen.map(({ key, conversation, note, sender }) => [
      key,
      conversation?.priority ?? sender?.name ?? null,
      note?.content ?? null,
    ]),
    [
      ['k5', 'high', null],
      ['k5', 'high', null],
      ['k5', null, null],
      [null, null, null],
      ['k5', null, null],
      ['k5', null, 'Known.'],
      ['k5', 'high', null],
      ['k5', 'Wang', null],
      ['k5', 'high', null],
      ['k5', 'high', null],
      [null, null, null],
    ],
  );
  assert.deepEqual(asked, [5, 5, 6, 5, 5, 5, 9], 'for its key alone, nothing is read twice');
  assert.equal(await feed.keyOf(5), 'k5');
  await eventually(() => (acknowledged.length === 2 ? true : undefined));
  await feed.read(agent, 5, 23);
  await assert.rejects(feed.read(agent, 9, 23), { code: 'not_found' });
  assert.deepEqual(acknowledged, [
    [5, 21, 'delivered'],
    [6, 99, 'delivered'],
    [5, 23, 'read'],
  ]);
  assert.deepEqual([woken, log.lines.length], [[[5, null]], 1]);
});
