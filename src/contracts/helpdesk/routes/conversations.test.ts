import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makePerson } from '../../../../test/support/assistant.ts';
import { startHelpdesk, type ConversationBody, type Helpdesk } from '../../../../test/support/desk.ts';
import {
  askHelpdesk,
  beginSession,
  sendMessage,
  type MessagesBody,
} from '../../../../test/support/helpdesk.ts';
import { assertShape } from '../../../../test/support/shape.ts';

interface List {
  conversations: ConversationBody[];
  total: number;
  has_more: boolean;
}

describe('helpdesk: conversations of everybody', () => {
  let helpdesk: Helpdesk;
  before(async () => {
    helpdesk = await startHelpdesk();
  });
  after(() => helpdesk.parley.close());

  const list = (query = '') => helpdesk.ann.ask<List>('GET', `/conversations${query}`);
  const idsOf = ({ conversations }: List) => conversations.map(({ id }) => id);

  test('each is shown with all its fields, whatever contract it began in', async () => {
    const { parley, ann } = helpdesk;
    const { session, id } = await helpdesk.waiting('guest_1', 'Hello?');
    const mina = await makePerson(parley, 'mina');
    await mina.call('POST', '/chat', { message: 'What is Parley?' });
    const [hers, guests] = (await list()).conversations;
    assertShape(
      guests,
      {
        id: 1,
        session_id: 'sess_abc',
        user_id: 'guest_1',
        channel: 'helpdesk',
        status: 'pending',
        agent_type: 'human',
        assignee: { id: 1, name: '' },
        priority: 'medium',
        tags: [],
        last_message: { id: 'msg_1', sender_type: 'user', content: '', created_at: '2024-01-01T10:00:00Z' },
        message_count: 1,
        rating: 5,
        created_at: '2024-01-01T10:00:00Z',
        updated_at: '2024-01-01T10:00:00Z',
      },
      ['.assignee', '.rating'],
    );
    assert.deepEqual([guests?.id, guests?.session_id, guests?.user_id], [id, session.session_id, 'guest_1']);
    assert.deepEqual([guests?.last_message?.content, guests?.status], ['Hello?', 'pending']);
    const { userId } = { userId: (await parley.app.core.accounts.find('mina'))?.id };
    assert.deepEqual([hers?.channel, hers?.user_id, hers?.message_count], ['assistant', String(userId), 2]);
    assert.equal(hers?.last_message?.sender_type, 'ai');
    assert.deepEqual(await ann.ask('GET', `/conversations/${id}`), { ...guests, metadata: null });
    assert.deepEqual(await ann.ask('GET', `/conversations/${session.session_id}`), {
      ...guests,
      metadata: null,
    });
  });

  test('every filter is taken, together and page by page', async () => {
    const { ann } = helpdesk;
    const [one, other] = [await helpdesk.waiting('f1', 'a'), await helpdesk.waiting('f2', 'b')];
    await ann.ask('POST', `/conversations/${one.id}/assign`);
    await ann.ask('PATCH', `/conversations/${one.id}`, { priority: 'urgent' });
    assert.deepEqual(idsOf(await list(`?assignee_id=${ann.id}`)), [one.id]);
    assert.deepEqual(idsOf(await list('?priority=urgent&status=open&agent_type=human')), [one.id]);
    assert.deepEqual(idsOf(await list('?priority=urgent&status=pending')), []);
    assert.ok(idsOf(await list('?status=pending')).includes(other.id));
    const all = await list('?limit=100');
    assert.deepEqual([all.total, all.has_more], [all.conversations.length, false]);
    const first = await list('?limit=1');
    assert.deepEqual([idsOf(first), first.total, first.has_more], [idsOf(all).slice(0, 1), all.total, true]);
    assert.deepEqual(idsOf(await list('?limit=2&offset=1')), idsOf(all).slice(1, 3));
  });

  for (const [query, field] of [
    ['status=active', 'status'],
    ['agent_type=robot', 'agent_type'],
    ['assignee_id=me', 'assignee_id'],
    ['priority=highest', 'priority'],
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['offset=-1', 'offset'],
  ] as const) {
    test(`${query} is refused, the field named`, async () => {
      const { status, error } = await helpdesk.ann.refused('GET', `/conversations?${query}`);
      assert.deepEqual([status, error.code, error.details?.field], [400, 'VALIDATION_ERROR', field]);
    });
  }

  test('what is no conversation is not found', async () => {
    for (const id of ['999', 'sess_unknown', 'abc', '99999999999999999999', '0']) {
      for (const [method, path, body] of [
        ['GET', '', undefined],
        ['PATCH', '', { priority: 'low' }],
        ['POST', '/assign', undefined],
        ['GET', '/messages', undefined],
        ['GET', '/tags', undefined],
        ['PUT', '/tags', { tags: [] }],
        ['GET', '/notes', undefined],
        ['POST', '/notes', { content: 'x' }],
        ['GET', '/export', undefined],
        ['POST', '/suggestions', undefined],
      ] as const) {
        const { status, error } = await helpdesk.ann.refused(method, `/conversations/${id}${path}`, body);
        assert.deepEqual([status, error.code], [404, 'NOT_FOUND'], `${method} ${id}${path}`);
      }
    }
  });

  test('messages are read with who said them', async () => {
    const { parley, ann } = helpdesk;
    const { session, id } = await helpdesk.waiting('guest_m', 'Hello?');
    await sendMessage(parley, session.session_id, 'Good day!', ann.headers);
    const { messages, total } = await ann.ask<MessagesBody>('GET', `/conversations/${id}/messages`);
    assert.deepEqual(
      messages.map(({ sender_type, sender, content }) => [sender_type, sender?.id, content]),
      [
        ['user', undefined, 'Hello?'],
        ['human', ann.id, 'Good day!'],
      ],
    );
    assert.equal(total, 2);
    const rest = await ann.ask<MessagesBody>('GET', `/conversations/${id}/messages?offset=1`);
    assert.deepEqual([rest.messages[0]?.content, rest.has_more], ['Good day!', false]);
    const shown = await ann.ask('GET', `/conversations/${id}`);
    assert.deepEqual([shown.status, shown.assignee?.id], ['open', ann.id]);
    assert.equal(shown.last_message?.content, 'Good day!');
  });

  test('an agent takes what waits; another who takes it too is told who has it, and may be given it', async () => {
    const { ann, bob, boss } = helpdesk;
    const { id } = await helpdesk.waiting('guest_t', 'Hello?');
    const path = `/conversations/${id}/assign`;
    const tries = await Promise.allSettled([ann.ask('POST', path, {}), bob.ask('POST', path)]);
    const taken = tries.filter(({ status }) => status === 'fulfilled');
    assert.equal(taken.length, 1, 'exactly one');
    const { assignee } = await ann.ask('GET', `/conversations/${id}`);
    const [holder, loser] = assignee?.id === ann.id ? [ann, bob] : [bob, ann];
    assert.equal((await holder.ask('POST', path)).assignee?.id, holder.id, 'who has it has it');
    const { status, error } = await loser.refused('POST', path);
    assert.deepEqual([status, error.code], [409, 'CONFLICT']);
    assert.deepEqual((error.details as { assignee?: { id: number } } | null)?.assignee?.id, holder.id);

    assert.equal((await boss.ask('POST', path, { assignee_id: loser.id })).assignee?.id, loser.id);
    const nobody = await boss.refused('POST', path, { assignee_id: 99_999 });
    assert.deepEqual([nobody.status, nobody.error.details?.field], [400, 'assignee_id']);
  });

  test('a patch changes several things in order; what is as it was stays', async () => {
    const { ann, bob } = helpdesk;
    const { id } = await helpdesk.waiting('guest_p', 'Hello?');
    const path = `/conversations/${id}`;
    const closed = await ann.ask('PATCH', path, {
      assignee_id: bob.id,
      status: 'resolved',
      priority: 'high',
      tags: ['refund'],
    });
    assert.deepEqual(
      [closed.assignee?.id, closed.status, closed.priority, closed.tags],
      [bob.id, 'resolved', 'high', ['refund']],
    );
    const same = await ann.ask('PATCH', path, { assignee_id: bob.id, status: 'resolved' });
    assert.equal(same.updated_at, closed.updated_at);
    const opened = await ann.ask('PATCH', path, { status: 'open' });
    assert.deepEqual([opened.status, opened.assignee?.id], ['open', bob.id]);
    const released = await ann.ask('PATCH', path, { assignee_id: null });
    assert.deepEqual([released.status, released.agent_type, released.assignee], ['pending', 'human', null]);
  });

  test('an AI’s conversation is not queued by a patch that says what is so already', async () => {
    const { parley, ann } = helpdesk;
    const { session_id } = await beginSession(parley);
    const now = { status: 'open', assignee_id: null, priority: 'low' };
    const patched = await ann.ask('PATCH', `/conversations/${session_id}`, now);
    assert.deepEqual([patched.status, patched.agent_type, patched.priority], ['open', 'ai', 'low']);
  });

  test('a patch that contradicts itself, or says nothing, changes nothing', async () => {
    const { ann } = helpdesk;
    const { id } = await helpdesk.waiting('guest_c', 'Hello?');
    await ann.ask('POST', `/conversations/${id}/assign`);
    const before = await ann.ask('GET', `/conversations/${id}`);
    for (const [body, field] of [
      [{ status: 'pending', assignee_id: ann.id }, 'status'],
      [{ status: 'open', assignee_id: null }, 'status'],
      [{ status: 'done' }, 'status'],
      [{ priority: 'highest', assignee_id: null }, 'priority'],
      [{ assignee_id: 'me' }, 'assignee_id'],
      [{ assignee_id: 99_999 }, 'assignee_id'],
      [{ tags: ['a', 'a'] }, 'tags'],
      [{ tags: ['x'.repeat(51)] }, 'tags.0'],
      [{}, 'body'],
      [{ unknown: 1 }, 'body'],
    ] as const) {
      const { status, error } = await ann.refused('PATCH', `/conversations/${id}`, body);
      assert.deepEqual([status, error.code], [400, 'VALIDATION_ERROR'], JSON.stringify(body));
      assert.equal(error.details?.field, field, JSON.stringify(body));
    }
    assert.deepEqual(await ann.ask('GET', `/conversations/${id}`), before);
  });

  test('a patch sent again under its key changes nothing that was changed since', async () => {
    const { ann, bob } = helpdesk;
    const { id } = await helpdesk.waiting('guest_i', 'Hello?');
    const path = `/conversations/${id}`;
    const key = { 'idempotency-key': 'patch-1' };
    const body = { assignee_id: bob.id, priority: 'high' };
    await ann.ask('PATCH', path, body, key);
    await ann.ask('PATCH', path, { assignee_id: ann.id, priority: 'low' });
    const repeated = await ann.ask('PATCH', path, body, key);
    assert.deepEqual([repeated.assignee?.id, repeated.priority], [ann.id, 'low']);
    const other = await ann.refused('PATCH', path, { priority: 'urgent' }, key);
    assert.deepEqual([other.status, other.error.details?.field], [400, 'Idempotency-Key']);
  });

  test('tags are replaced, and read', async () => {
    const { ann } = helpdesk;
    const { id } = await helpdesk.waiting('guest_g');
    const path = `/conversations/${id}/tags`;
    assert.deepEqual(await ann.ask('PUT', path, { tags: ['退款', ' vip '] }), { tags: ['退款', 'vip'] });
    assert.deepEqual(await ann.ask('GET', path), { tags: ['退款', 'vip'] });
    assert.deepEqual(await ann.ask('PUT', path, { tags: [] }), { tags: [] });
    const { error } = await ann.refused('PUT', path, {});
    assert.equal(error.details?.field, 'tags');
  });

  test('every change is in the audit log', async () => {
    const { ann, boss } = helpdesk;
    const { id } = await helpdesk.waiting('guest_a', 'Hello?');
    await ann.ask('POST', `/conversations/${id}/assign`);
    await ann.ask('PATCH', `/conversations/${id}`, { status: 'closed', priority: 'low' });
    await ann.ask('POST', `/conversations/${id}/notes`, { content: 'Done.' });
    const { entries } = await boss.ask<{ entries: { action: string; actor: { id: number } }[] }>(
      'GET',
      `/audit-log?target_type=conversation&target_id=${id}`,
    );
    assert.deepEqual(
      entries.map(({ action, actor }) => [action, actor.id]),
      ['note.create', 'conversation.label', 'conversation.status', 'conversation.take'].map((action) => [
        action,
        ann.id,
      ]),
    );
  });

  test('customers see nothing of it', async () => {
    const { parley } = helpdesk;
    const mina = await makePerson(parley, 'nosy');
    const { id } = await helpdesk.waiting('guest_x', 'Hello?');
    for (const path of ['', `/${id}`, `/${id}/notes`, `/${id}/export`]) {
      const asked = await askHelpdesk<{ error: { code: string } }>(
        parley,
        'GET',
        `/admin/conversations${path}`,
        undefined,
        mina.headers,
      );
      assert.deepEqual([asked.status, asked.body.error.code], [403, 'FORBIDDEN']);
      const nobody = await askHelpdesk<{ error: { code: string } }>(
        parley,
        'GET',
        `/admin/conversations${path}`,
      );
      assert.deepEqual([nobody.status, nobody.body.error.code], [401, 'UNAUTHORIZED']);
    }
  });
});
