import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  askHelpdesk,
  beginSession,
  joinHelpdesk,
  messagesOf,
  sendMessage,
  type Headers,
  type HelpdeskError,
  type MessageBody,
  type SentBody,
  type Success,
} from '../../../../test/support/helpdesk.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { startMock, startScriptedVendor } from '../../../../test/support/vendor.ts';

/** helpdesk.md, "获取消息历史". */
const documented = {
  messages: [
    {
      id: 'msg_123',
      session_id: 'sess_abc123',
      sender_type: 'user',
      content: '你好',
      message_type: 'text',
      created_at: '2024-01-01T10:00:00Z',
    },
  ],
  total: 2,
  has_more: false,
};

describe('helpdesk: messages', () => {
  let parley: Parley;
  let mock: Awaited<ReturnType<typeof startMock>>;
  let user: { id: number; headers: Headers };
  let agent: { id: number; headers: Headers };
  let second: { id: number; headers: Headers };
  before(async () => {
    mock = await startMock();
    mock.clearFixtures();
    mock.onMessage('你好，我需要帮助', { content: '您好！有什么可以帮助您的吗？' });
    mock.onMessage('down', { error: { message: 'down' }, status: 500 });
    parley = await startParley({ openAi: mock.url, env: { PARLEY_FALLBACK: 'off' } });
    user = await joinHelpdesk(parley, 'ada');
    agent = await joinHelpdesk(parley, 'wang', 'agent');
    second = await joinHelpdesk(parley, 'second', 'agent');
  });
  after(async () => {
    await parley.close();
    await mock.stop();
  });

  const post = (body: unknown, headers?: Headers) =>
    askHelpdesk<Success<SentBody> & HelpdeskError>(parley, 'POST', '/chat/messages', body, headers);
  const stop = (id: string, headers?: Headers) =>
    askHelpdesk<Success<{ stopped: number; messages: MessageBody[] }> & HelpdeskError>(
      parley,
      'POST',
      `/chat/sessions/${id}/stop`,
      undefined,
      headers,
    );

  test('the document’s example is stored and answered by the AI', async () => {
    const { session_id } = await beginSession(parley);
    const { status, body } = await sendMessage(parley, session_id, '你好，我需要帮助');
    assert.equal(status, 201);
    const { reply, ...message } = body.data;
    assertShape(message, documented.messages[0]);
    assertShape(reply, documented.messages[0]);
    assert.deepEqual(
      [message.sender_type, message.content, message.sender],
      ['user', '你好，我需要帮助', null],
    );
    assert.deepEqual([reply?.sender_type, reply?.content], ['ai', '您好！有什么可以帮助您的吗？']);
    const history = await messagesOf(parley, session_id);
    assertShape(history, documented);
    assert.deepEqual(history.messages, [message, reply]);
    assert.deepEqual([history.total, history.has_more], [2, false]);
  });

  test('the history has pages', async () => {
    const { session_id } = await beginSession(parley);
    await sendMessage(parley, session_id, '你好，我需要帮助');
    const page = async (query: string) =>
      (
        await askHelpdesk<Success<{ messages: MessageBody[]; total: number; has_more: boolean }>>(
          parley,
          'GET',
          `/chat/sessions/${session_id}/messages?${query}`,
        )
      ).body.data;
    const first = await page('limit=1&offset=0');
    assert.deepEqual([first.messages[0]?.sender_type, first.total, first.has_more], ['user', 2, true]);
    const last = await page('limit=1&offset=1');
    assert.deepEqual([last.messages[0]?.sender_type, last.has_more], ['ai', false]);
  });

  test('a person answers by the same address, and has taken the session with it', async () => {
    const { session_id } = await beginSession(parley, {}, user.headers);
    const said = await sendMessage(parley, session_id, '我来帮您', agent.headers);
    assert.equal(said.status, 201);
    const { sender_type, sender, reply } = said.body.data;
    assert.deepEqual([sender_type, sender, reply], ['human', { id: agent.id, name: 'wang' }, null]);
    const answer = await sendMessage(parley, session_id, '谢谢', user.headers);
    assert.equal(answer.body.data.reply, null);
    const { messages } = await messagesOf(parley, session_id, user.headers);
    assert.deepEqual(
      messages.map((message) => message.sender),
      [{ id: agent.id, name: 'wang' }, null],
    );
  });

  test('whom another agent has, one does not answer', async () => {
    const { session_id } = await beginSession(parley);
    await sendMessage(parley, session_id, '我来帮您', agent.headers);
    const { status, body } = await sendMessage<HelpdeskError>(parley, session_id, '我也来', second.headers);
    assert.deepEqual([status, body.error.code], [409, 'CONFLICT']);
    assert.deepEqual(body.error.details?.['assignee'], { id: agent.id, name: 'wang' });
  });

  test('a provider that is down is 500, and the session waits for a person', async () => {
    const { session_id } = await beginSession(parley);
    const { status, body } = await sendMessage<HelpdeskError>(parley, session_id, 'down');
    assert.deepEqual([status, body.error.code], [500, 'AI_SERVICE_ERROR']);
    const session = await askHelpdesk<Success<{ status: string; agent_type: string }>>(
      parley,
      'GET',
      `/chat/sessions/${session_id}`,
    );
    assert.deepEqual([session.body.data.status, session.body.data.agent_type], ['pending', 'human']);
  });

  test('a message under a key is sent once', async () => {
    const { session_id } = await beginSession(parley);
    const key = { 'idempotency-key': 'once' };
    const one = await sendMessage(parley, session_id, '你好，我需要帮助', key);
    const again = await sendMessage(parley, session_id, '你好，我需要帮助', key);
    assert.deepEqual(again.body, one.body);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    assert.equal((await messagesOf(parley, session_id)).total, 2);
  });

  test('where no answer is on its way, none is stopped; staff stop none', async () => {
    const { session_id } = await beginSession(parley);
    const { status, body } = await stop(session_id);
    assert.deepEqual([status, body.data.stopped, body.data.messages], [200, 0, []]);
    assert.equal((await stop(session_id, agent.headers)).status, 403);
    assert.equal((await stop('sess_none')).status, 404);
  });

  for (const [what, changes, field, issue] of [
    ['no session', { session_id: undefined }, 'session_id', 'session_id 为必填项'],
    ['no content', { content: undefined }, 'content', '内容为必填项'],
    ['empty content', { content: '' }, 'content', '内容不能为空'],
    ['blank content', { content: ' \n' }, 'content', '内容不能为空'],
    ['too long content', { content: 'x'.repeat(16_001) }, 'content', '内容长度必须不超过 16000 个字符'],
    ['an image', { message_type: 'image' }, 'message_type', 'message_type 必须是以下值之一：text'],
  ] as const) {
    test(`a message with ${what} is refused`, async () => {
      const { session_id } = await beginSession(parley);
      const { status, body } = await post({ session_id, content: 'x', ...changes });
      assert.deepEqual([status, body.error.code], [400, 'VALIDATION_ERROR']);
      assert.deepEqual(body.error.details, { field, issue });
    });
  }

  test('a session that is not there, or another’s, takes no message', async () => {
    const { session_id } = await beginSession(parley, {}, user.headers);
    for (const id of ['sess_none', 'abc', '1', session_id]) {
      const { status, body } = await post({ session_id: id, content: 'x' });
      assert.deepEqual([status, body.error.code], [404, 'SESSION_NOT_FOUND']);
    }
  });
});

test('messages are limited: guests per address, people per account', async (t) => {
  const parley = await startParley({
    env: { PARLEY_RATE_LIMITS: 'on' },
    yaml: { limits: { helpdesk: { messages_per_minute: 1 } } },
  });
  t.after(() => parley.close());
  const { headers } = await joinHelpdesk(parley, 'ada');
  const { session_id } = await beginSession(parley);
  assert.equal((await sendMessage(parley, session_id, 'Hello')).status, 201);
  const refused = await sendMessage<HelpdeskError>(parley, session_id, 'Hello');
  assert.deepEqual([refused.status, refused.body.error.code], [429, 'RATE_LIMIT_EXCEEDED']);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal((await sendMessage(parley, session_id, 'Hello', headers)).status, 201);
});

test('in maintenance, nobody gets an answer but administrators', async (t) => {
  const parley = await startParley();
  t.after(() => parley.close());
  const { headers } = await joinHelpdesk(parley, 'boss', 'admin');
  const { session_id } = await beginSession(parley);
  await parley.app.core.maintenance.set(true);
  const { status, body } = await sendMessage<HelpdeskError>(parley, session_id, 'Hello');
  assert.deepEqual(
    [status, body.error.code, body.error.message],
    [503, 'AI_SERVICE_ERROR', '系统维护中，请稍后再试'],
  );
  assert.equal((await sendMessage(parley, session_id, 'Hello', headers)).status, 201);
});

describe('helpdesk: an answer on its way', () => {
  let parley: Parley;
  let vendor: Awaited<ReturnType<typeof startScriptedVendor>>;
  let agent: { id: number; headers: Headers };
  before(async () => {
    vendor = await startScriptedVendor();
    parley = await startParley({ openAi: vendor.url });
    agent = await joinHelpdesk(parley, 'wang', 'agent');
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });

  test('is stopped by the guest, and keeps what it has said', async () => {
    const { session_id } = await beginSession(parley);
    const answered = sendMessage(parley, session_id, '讲个故事');
    const call = await vendor.next();
    await call.delta('从前');
    const path = `/chat/sessions/${session_id}/stop`;
    await eventually(async () => {
      const { messages } = await messagesOf(parley, session_id);
      return messages.some(({ content }) => content === '从前') ? true : undefined;
    });
    const { body } = await askHelpdesk<Success<{ stopped: number; messages: MessageBody[] }>>(
      parley,
      'POST',
      path,
    );
    assert.deepEqual(
      [body.data.stopped, body.data.messages[0]?.content, body.data.messages[0]?.status],
      [1, '从前', 'cancelled'],
    );
    await call.closed;
    const { reply } = (await answered).body.data;
    assert.deepEqual([reply?.content, reply?.status], ['从前', 'cancelled']);
  });

  test('that has said nothing is none once a person has taken over', async () => {
    const { session_id } = await beginSession(parley);
    const answered = sendMessage(parley, session_id, '你好');
    const call = await vendor.next();
    assert.equal((await sendMessage(parley, session_id, '我来', agent.headers)).status, 201);
    await call.closed;
    const { status, body } = await answered;
    assert.deepEqual([status, body.data.reply], [201, null]);
    const { messages } = await messagesOf(parley, session_id);
    assert.deepEqual(
      messages.map(({ sender_type }) => sender_type),
      ['user', 'human'],
    );
  });

  test('is told of its task, and which language to speak', async () => {
    const { session_id } = await beginSession(parley);
    const answered = sendMessage(parley, session_id, '你好');
    const call = await vendor.next();
    const [system, ...rest] = call.body['messages'] as { role: string; content: string }[];
    assert.equal(system?.role, 'system');
    assert.match(system?.content ?? '', /customer support/u);
    assert.deepEqual(rest.at(-1)?.role, 'user');
    await call.delta('您好');
    call.finish();
    assert.equal((await answered).body.data.reply?.content, '您好');
  });
});
