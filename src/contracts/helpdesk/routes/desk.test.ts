import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makePerson } from '../../../../test/support/assistant.ts';
import { startHelpdesk, type ConversationBody, type Helpdesk } from '../../../../test/support/desk.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { helpdeskSocket } from '../../../../test/support/helpdesk-socket.ts';
import {
  askHelpdesk,
  beginSession,
  sendMessage,
  type MessageBody,
} from '../../../../test/support/helpdesk.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import { startScriptedVendor, type ScriptedVendor } from '../../../../test/support/vendor.ts';

interface Customer {
  id: number;
  user_id: string;
  type: string;
  name: string;
  email: string | null;
  conversation_count: number;
}

interface Dashboard {
  today: Record<string, number>;
  this_week: Record<string, number>;
}

interface Reply {
  id: number;
  shortcut: string;
  title: string;
  content: string;
}

interface Agent {
  id: number;
  availability: string;
  capacity: number;
  own_capacity: number | null;
  open_conversations: number;
}

interface Note {
  id: number;
  author: { id: number; name: string };
  content: string;
}

describe('helpdesk: what staff have beside conversations', () => {
  let helpdesk: Helpdesk;
  let vendor: ScriptedVendor;
  before(async () => {
    vendor = await startScriptedVendor();
    helpdesk = await startHelpdesk({ openAi: vendor.url, env: { PARLEY_FALLBACK: 'off' } });
  });
  after(async () => {
    await helpdesk.parley.close();
    await vendor.close();
  });

  test('notes are among staff: written once under a key, read oldest first, never told to the customer', async () => {
    const { parley, ann, bob } = helpdesk;
    const { id, session } = await helpdesk.waiting('guest_n', 'Hello?');
    const path = `/conversations/${id}/notes`;
    const key = { 'idempotency-key': 'note-1' };
    const made = await ann.ask<Note>('POST', path, { content: 'Be kind.' }, key);
    assert.deepEqual([made.author.id, made.content], [ann.id, 'Be kind.']);
    assert.deepEqual(await ann.ask('POST', path, { content: 'Be kind.' }, key), made);
    await bob.ask('POST', path, { content: '<b>Second</b>' });
    const listed = await bob.ask<{ notes: Note[]; total: number; has_more: boolean }>(
      'GET',
      `${path}?limit=1`,
    );
    assert.deepEqual([listed.notes, listed.total, listed.has_more], [[made], 2, true]);
    const history = await askHelpdesk(parley, 'GET', `/chat/sessions/${session.session_id}/messages`);
    assert.ok(!JSON.stringify(history.body).includes('kind'));
    for (const content of ['', ' ', 'x'.repeat(10_001)]) {
      const { error } = await ann.refused('POST', path, { content });
      assert.deepEqual([error.code, error.details?.field], ['VALIDATION_ERROR', 'content']);
    }
  });

  test('customers of all contracts are found by name, address and guest id', async () => {
    const { parley, ann } = helpdesk;
    const mina = await makePerson(parley, 'minamina');
    await mina.call('POST', '/chat', { message: 'What is Parley?', model: 'parley-local' });
    await beginSession(parley, { user_id: '访客_77' });
    await beginSession(parley, { user_id: '访客_77' });
    const find = (search: string) =>
      ann.ask<{ customers: Customer[]; total: number; has_more: boolean }>(
        'GET',
        `/customers?search=${encodeURIComponent(search)}`,
      );
    const [guest] = (await find('访客_77')).customers;
    assert.deepEqual(
      [guest?.user_id, guest?.type, guest?.name, guest?.email, guest?.conversation_count],
      ['访客_77', 'guest', '访客_77', null, 2],
    );
    const { customers, total } = await find('minamina@example');
    const [person] = customers;
    assert.deepEqual([person?.type, person?.email, total], ['user', 'minamina@example.com', 1]);
    assert.deepEqual((await find('nobody at all')).total, 0);
    const shown = await ann.ask<Customer & { conversations: ConversationBody[]; has_more: boolean }>(
      'GET',
      `/customers/${guest?.id}`,
    );
    const { conversations, has_more, ...rest } = shown;
    assert.deepEqual([rest, conversations.length, has_more], [guest, 2, false]);
    assert.ok(conversations.every(({ user_id }) => user_id === '访客_77'));
    assert.equal((await ann.refused('GET', '/customers/99999')).error.code, 'NOT_FOUND');
    assert.equal((await ann.refused('GET', '/customers/me')).error.details?.field, 'id');
  });

  test('the dashboard has the document’s figures', async () => {
    const { ann } = helpdesk;
    const before = await ann.ask<Dashboard>('GET', '/analytics/dashboard');
    assertShape(before, {
      today: {
        total_conversations: 156,
        active_conversations: 23,
        ai_handled: 134,
        human_handled: 22,
        avg_response_time: 2.5,
      },
      this_week: { total_conversations: 1024, customer_satisfaction: 4.2, resolution_rate: 0.89 },
    });
    const { id } = await helpdesk.waiting('guest_d', 'Hello?');
    await ann.ask('POST', `/conversations/${id}/assign`);
    await ann.ask('PATCH', `/conversations/${id}`, { status: 'resolved' });
    const now = await ann.ask<Dashboard>('GET', '/analytics/dashboard');
    const more = (name: string) => (now.today[name] ?? 0) - (before.today[name] ?? 0);
    assert.deepEqual(
      ['total_conversations', 'active_conversations', 'ai_handled', 'human_handled'].map(more),
      [1, 0, 0, 1],
    );
    const { total_conversations = 0, resolution_rate = 0 } = now.this_week;
    assert.equal(Math.round(resolution_rate * total_conversations), 1);
  });

  test('canned replies are read by agents and kept by administrators', async () => {
    const { ann, boss } = helpdesk;
    const greeting = { shortcut: 'hi', title: '问候', content: '您好！' };
    const key = { 'idempotency-key': 'reply-1' };
    const made = await boss.ask<Reply>('POST', '/canned-replies', greeting, key);
    assert.deepEqual(await boss.ask('POST', '/canned-replies', greeting, key), made);
    const taken = await boss.refused('POST', '/canned-replies', { ...greeting, shortcut: 'HI' });
    assert.deepEqual([taken.status, taken.error.details?.field], [400, 'shortcut']);
    const changed = await boss.ask<Reply>('PUT', `/canned-replies/${made.id}`, { content: 'Good day!' });
    assert.deepEqual([changed.shortcut, changed.content], ['hi', 'Good day!']);
    const found = await ann.ask<{ canned_replies: Reply[]; total: number }>(
      'GET',
      '/canned-replies?search=good',
    );
    assert.deepEqual([found.canned_replies, found.total], [[changed], 1]);
    for (const [method, path, body] of [
      ['POST', '/canned-replies', greeting],
      ['PUT', `/canned-replies/${made.id}`, { title: 'x' }],
      ['DELETE', `/canned-replies/${made.id}`, undefined],
    ] as const) {
      const { status, error } = await ann.refused(method, path, body);
      assert.deepEqual([status, error.code], [403, 'FORBIDDEN']);
    }
    assert.deepEqual(await boss.ask('DELETE', `/canned-replies/${made.id}`), { id: made.id });
    assert.equal((await boss.refused('DELETE', `/canned-replies/${made.id}`)).status, 404);
    for (const [body, field] of [
      [{ ...greeting, shortcut: 'two words' }, 'shortcut'],
      [{ ...greeting, title: '' }, 'title'],
      [{ shortcut: 'a', title: 'a' }, 'content'],
    ] as const) {
      assert.equal((await boss.refused('POST', '/canned-replies', body)).error.details?.field, field);
    }
  });

  test('settings are the administrators’; what is left out stays', async () => {
    const { parley, ann, boss } = helpdesk;
    const before = await boss.ask<Record<string, unknown>>('GET', '/settings');
    assert.deepEqual(before, {
      assignment: 'manual',
      capacity: 10,
      burst_ms: 300,
      system_prompt: null,
      model: null,
      handoff: { on_request: true, on_unknown: true, on_failure: true },
    });
    const change = { burst_ms: 0, system_prompt: '请简短回答', handoff: { on_unknown: false } };
    const changed = await boss.ask('PUT', '/settings', change);
    const handoff = { on_request: true, on_unknown: false, on_failure: true };
    assert.deepEqual(changed, { ...before, ...change, handoff });
    await parley.restart();
    assert.deepEqual(await boss.ask('GET', '/settings'), changed);
    for (const [body, field] of [
      [{ assignment: 'random' }, 'assignment'],
      [{ capacity: 0 }, 'capacity'],
      [{ burst_ms: 10_001 }, 'burst_ms'],
      [{ model: 'nobody' }, 'model'],
      [{ handoff: { on_request: 'yes' } }, 'handoff.on_request'],
      [{}, 'body'],
    ] as const) {
      const { status, error } = await boss.refused('PUT', '/settings', body);
      assert.deepEqual([status, error.code, error.details?.field], [400, 'VALIDATION_ERROR', field]);
    }
    assert.equal((await ann.refused('GET', '/settings')).status, 403);
    assert.equal((await ann.refused('PUT', '/settings', { capacity: 5 })).status, 403);
    await boss.ask('PUT', '/settings', { burst_ms: 300, system_prompt: null, handoff: { on_unknown: true } });
  });

  test('what waits is given in turn to who is online with room, as soon as somebody is', async () => {
    const { parley, ann, bob, boss } = helpdesk;
    await boss.ask('PUT', '/settings', { assignment: 'round_robin' });
    for (const { id } of (
      await ann.ask<{ conversations: ConversationBody[] }>('GET', '/conversations?status=pending')
    ).conversations) {
      await ann.ask('PATCH', `/conversations/${id}`, { status: 'closed' });
    }
    assert.equal((await boss.ask<Agent>('PUT', `/agents/${bob.id}`, { capacity: 1 })).own_capacity, 1);
    const first = await helpdesk.waiting('guest_r1', 'Hello?');
    const second = await helpdesk.waiting('guest_r2', 'Hello?');
    const third = await helpdesk.waiting('guest_r3', 'Hello?');
    const assigneeOf = async (id: number) => (await ann.ask('GET', `/conversations/${id}`)).assignee?.id;
    assert.equal(await assigneeOf(first.id), undefined);

    const socket = await helpdeskSocket(parley, '', bob.headers);
    await eventually(async () => ((await assigneeOf(first.id)) === bob.id ? true : undefined));
    assert.equal(await assigneeOf(second.id), undefined, 'bob has no room');
    const { agents } = await ann.ask<{ agents: Agent[] }>('GET', '/agents');
    const row = agents.find(({ id }) => id === bob.id);
    assert.deepEqual([row?.availability, row?.open_conversations, row?.capacity], ['online', 1, 1]);

    await bob.ask('PATCH', `/conversations/${first.id}`, { status: 'resolved' });
    await eventually(async () => ((await assigneeOf(second.id)) === bob.id ? true : undefined));
    await boss.ask('PUT', `/agents/${bob.id}`, { capacity: null });
    await eventually(async () => ((await assigneeOf(third.id)) === bob.id ? true : undefined));
    const fourth = await helpdesk.waiting('guest_r4', 'Hello?');
    await eventually(async () => ((await assigneeOf(fourth.id)) === bob.id ? true : undefined));
    await socket.close();
    await boss.ask('PUT', '/settings', { assignment: 'manual' });
    assert.equal((await ann.refused('PUT', `/agents/${bob.id}`, { capacity: 5 })).status, 403);
    assert.equal((await boss.refused('PUT', '/agents/99999', { capacity: 5 })).status, 404);
    assert.equal(
      (await boss.refused('PUT', `/agents/${bob.id}`, { capacity: -1 })).error.details?.field,
      'capacity',
    );
  });

  test('a suggestion comes from the model, and stays with the agent', async () => {
    const { parley, ann, boss } = helpdesk;
    const { id, session } = await helpdesk.waiting('guest_s', 'When does my parcel arrive?');
    await boss.ask('PUT', '/settings', { model: 'gpt-4o-mini' });
    const suggesting = ann.ask<{ content: string; model: string }>(
      'POST',
      `/conversations/${id}/suggestions`,
    );
    const call = await vendor.next();
    const asked = call.body['messages'] as { role: string; content: string }[];
    assert.equal(asked.at(-1)?.content, 'When does my parcel arrive?');
    call.answer('Tomorrow.');
    assert.deepEqual(await suggesting, { content: 'Tomorrow.', model: 'gpt-4o-mini', citations: [] });
    const history = await askHelpdesk(parley, 'GET', `/chat/sessions/${session.session_id}/messages`);
    assert.ok(!JSON.stringify(history.body).includes('Tomorrow'));
    const failing = ann.refused('POST', `/conversations/${id}/suggestions`);
    (await vendor.next()).refuse(400, 'No.');
    assert.deepEqual((await failing).error.code, 'AI_SERVICE_ERROR');
    await boss.ask('PUT', '/settings', { model: null });

    const quiet = await beginSession(parley);
    const { status } = await ann.refused('POST', `/conversations/${quiet.session_id}/suggestions`);
    assert.equal(status, 409);
  });

  test('what was said is found, whoever said it', async () => {
    const { ann } = helpdesk;
    const { id } = await helpdesk.waiting('guest_q', 'My zeppelin has not arrived', '我的订单在哪里');
    const find = (q: string) =>
      ann.ask<{
        results: { conversation: ConversationBody; message: MessageBody; snippet: { text: string } }[];
        total: number;
      }>('GET', `/search?q=${encodeURIComponent(q)}`);
    const found = await find('ZEPPELIN');
    assert.deepEqual([found.results[0]?.conversation.id, found.total], [id, 1]);
    assert.match(found.results[0]?.snippet.text ?? '', /zeppelin/u);
    assert.equal((await find('订单')).results[0]?.message.content, '我的订单在哪里');
    assert.equal((await find('airship')).total, 0);
    for (const query of ['', '?q=', '?q=%20']) {
      assert.equal((await ann.refused('GET', `/search${query}`)).error.details?.field, 'q');
    }
  });

  test('a conversation is exported as JSON and as CSV', async () => {
    const { parley, ann, boss } = helpdesk;
    const { id, session } = await helpdesk.waiting('guest_e', '=cmd|calc', 'say "hi", please\nnow');
    await sendMessage(parley, session.session_id, 'Good day!', ann.headers);
    await ann.ask('POST', `/conversations/${id}/notes`, { content: '+1 for kindness' });
    const get = (format: string) =>
      fetch(`${parley.url}/api/v1/admin/conversations/${id}/export${format}`, { headers: ann.headers });
    const json = await get('');
    assert.match(
      json.headers.get('content-disposition') ?? '',
      new RegExp(`attachment; filename="conversation-${id}.json"`),
    );
    const exported = (await json.json()) as {
      conversation: ConversationBody;
      customer: Customer;
      messages: MessageBody[];
      notes: Note[];
      changes: { status: string; actor: { id: number } | null }[];
    };
    const { conversation, customer, messages, notes, changes } = exported;
    assert.deepEqual([conversation.id, customer.user_id, conversation.status], [id, 'guest_e', 'open']);
    assert.deepEqual(
      messages.map(({ content, sender }) => [content, sender?.id]),
      [
        ['=cmd|calc', undefined],
        ['say "hi", please\nnow', undefined],
        ['Good day!', ann.id],
      ],
    );
    assert.deepEqual([notes[0]?.content, notes[0]?.author.id], ['+1 for kindness', ann.id]);
    assert.deepEqual(
      changes.map(({ status, actor }) => [status, actor?.id]),
      [
        ['pending', undefined],
        ['open', ann.id],
      ],
    );

    const csv = await get('?format=csv');
    assert.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8');
    const bytes = Buffer.from(await csv.arrayBuffer());
    assert.deepEqual([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
    const [head, first, second] = bytes.subarray(3).toString('utf8').split('\r\n');
    assert.equal(head, 'kind,id,created_at,sender_type,sender_id,sender_name,status,content');
    assert.match(first ?? '', /^message,msg_\d+,[\d:TZ.-]+,user,,guest_e,sent,'=cmd\|calc$/u);
    assert.match(second ?? '', /,"say ""hi"", please\nnow"$/u);
    assert.match(bytes.toString('utf8'), /\r\nnote,\d+,[^\r]+,'\+1 for kindness\r\n$/u);

    const { entries } = await boss.ask<{ entries: { details: unknown }[] }>(
      'GET',
      `/audit-log?action=conversation.export`,
    );
    assert.deepEqual(
      entries.map(({ details }) => details),
      [{ format: 'csv' }, { format: 'json' }],
    );
    const refused = await ann.refused('GET', `/conversations/${id}/export?format=pdf`);
    assert.equal(refused.error.details?.field, 'format');
  });
});
