import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer, forge, makeAccount, tokenOf } from '../../../../test/support/accounts.ts';
import {
  askHelpdesk,
  beginSession,
  joinHelpdesk,
  sendMessage,
  type Headers,
  type HelpdeskError,
  type SessionBody,
  type Success,
} from '../../../../test/support/helpdesk.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';

type One = Success<SessionBody> & HelpdeskError;

/** helpdesk.md, "创建会话". */
const example = {
  user_id: 'guest_123',
  metadata: { source: 'web', user_agent: 'Mozilla/5.0...', ip: '192.168.1.1' },
};
const documented = {
  success: true,
  data: {
    session_id: 'sess_abc123',
    user_id: 'guest_123',
    agent_type: 'ai',
    status: 'active',
    created_at: '2024-01-01T10:00:00Z',
  },
};

let parley: Parley;
let user: { id: number; headers: Headers };
let other: { id: number; headers: Headers };
let agent: { id: number; headers: Headers };
before(async () => {
  parley = await startParley();
  user = await joinHelpdesk(parley, 'ada');
  other = await joinHelpdesk(parley, 'ben');
  agent = await joinHelpdesk(parley, 'wang', 'agent');
});
after(() => parley.close());

const begin = (body?: unknown, headers?: Headers) =>
  askHelpdesk<One>(parley, 'POST', '/chat/sessions', body, headers);
const get = (id: string, headers?: Headers) =>
  askHelpdesk<One>(parley, 'GET', `/chat/sessions/${id}`, undefined, headers);
const switchTo = (id: string, body: unknown, headers?: Headers) =>
  askHelpdesk<One>(parley, 'POST', `/chat/sessions/${id}/switch-agent`, body, headers);
const rate = (id: string, body: unknown, headers?: Headers) =>
  askHelpdesk<Success<{ session_id: string; score: number; comment: string | null }> & HelpdeskError>(
    parley,
    'POST',
    `/chat/sessions/${id}/rating`,
    body,
    headers,
  );

describe('helpdesk: a session', () => {
  test('begins with the document’s example, under an id that nobody guesses', async () => {
    const { status, body } = await begin(example);
    assert.equal(status, 201);
    assertShape(body, documented);
    const { session_id, user_id, agent_type, status: state, metadata } = body.data;
    assert.match(session_id, /^sess_[\w-]{22,}$/u);
    assert.deepEqual([user_id, agent_type, state], ['guest_123', 'ai', 'active']);
    assert.deepEqual(metadata, example.metadata);
    const read = await get(session_id);
    assert.deepEqual([read.status, read.body.data], [200, body.data]);
  });

  for (const [what, body] of [
    ['nothing', undefined],
    ['an empty object', {}],
    ['nulls', { user_id: null, metadata: null }],
  ] as const) {
    test(`begins with ${what}: the visitor gets a name`, async () => {
      const { status, body: answer } = await begin(body);
      assert.equal(status, 201);
      assert.match(answer.data.user_id, /^guest_/u);
    });
  }

  test('of a user belongs to the user, whatever the body says', async () => {
    const { session_id, user_id } = await beginSession(parley, example, user.headers);
    assert.equal(user_id, String(user.id));
    const statuses = [];
    for (const headers of [user.headers, other.headers, undefined, agent.headers]) {
      statuses.push((await get(session_id, headers)).status);
    }
    assert.deepEqual(statuses, [200, 404, 404, 200]);
  });

  test('of nobody is there for all who know its id, logged in or not', async () => {
    const { session_id } = await beginSession(parley);
    for (const headers of [undefined, user.headers, agent.headers, { 'x-api-key': await parley.key() }]) {
      assert.equal((await get(session_id, headers)).status, 200);
    }
  });

  test('is not opened by anything that is no session id of the contract', async () => {
    const { session_id } = await beginSession(parley, {}, user.headers);
    for (const id of [`${session_id}x`, 'sess_', 'abc', session_id.slice('sess_'.length)]) {
      const { status, body } = await get(id, user.headers);
      assert.deepEqual(
        [status, body.error.code, body.error.message],
        [404, 'SESSION_NOT_FOUND', '会话不存在'],
      );
    }
  });

  test('of a number is assistant’s where assistant has the address, and none elsewhere', async () => {
    const found = await askHelpdesk<{ id: number }>(
      parley,
      'GET',
      '/chat/sessions/1',
      undefined,
      user.headers,
    );
    assert.equal(found.body.id ?? 404, found.status === 200 ? 1 : 404);
    const assistants = await askHelpdesk<HelpdeskError>(
      parley,
      'GET',
      '/chat/sessions/999',
      undefined,
      user.headers,
    );
    assert.deepEqual([assistants.status, assistants.body.error.code], [404, 'CHAT003']);
    const { status, body } = await switchTo('1', { agent_type: 'human' }, user.headers);
    assert.deepEqual([status, body.error.code], [404, 'SESSION_NOT_FOUND']);
  });

  test('is begun once under a key', async () => {
    const key = { 'idempotency-key': 'begin-once' };
    const one = await begin(example, key);
    assert.deepEqual((await begin(example, key)).body, one.body);
    const differs = await begin({ user_id: 'x' }, key);
    assert.deepEqual([differs.status, differs.body.error.details?.field], [400, 'Idempotency-Key']);
  });

  test('wants a valid token or none', async () => {
    for (const token of ['x.y.z', forge(await tokenOf(parley, 'ada')), 'nonsense']) {
      const { status, body } = await begin(example, bearer(token));
      assert.deepEqual([status, body.error.code], [401, 'UNAUTHORIZED']);
    }
  });

  for (const [what, body, field, issue] of [
    ['a long id', { user_id: 'x'.repeat(201) }, 'user_id', 'user_id 长度必须不超过 200 个字符'],
    ['a number as id', { user_id: 1 }, 'user_id', 'user_id 必须是字符串'],
    ['a list as metadata', { metadata: [] }, 'metadata', 'metadata 必须是对象'],
    [
      'metadata of more than 8 KiB',
      { metadata: { x: 'x'.repeat(8192) } },
      'metadata',
      'metadata 不能超过 8192 字节',
    ],
  ] as const) {
    test(`is refused with ${what}`, async () => {
      const { status, body: answer } = await begin(body);
      assert.deepEqual([status, answer.error.code], [400, 'VALIDATION_ERROR']);
      assert.deepEqual(answer.error.details, { field, issue });
    });
  }
});

describe('helpdesk: who answers', () => {
  test('the guest asks for a person, and goes back to the AI', async () => {
    const { session_id } = await beginSession(parley);
    const waiting = await switchTo(session_id, { agent_type: 'human', reason: 'customer_request' });
    assert.equal(waiting.status, 200);
    const { status, agent_type, assignee } = waiting.body.data;
    assert.deepEqual([status, agent_type, assignee], ['pending', 'human', null]);
    const silent = await sendMessage(parley, session_id, '有人吗？');
    assert.deepEqual([silent.status, silent.body.data.reply], [201, null]);
    const back = await switchTo(session_id, { agent_type: 'ai' });
    assert.deepEqual([back.body.data.status, back.body.data.agent_type], ['active', 'ai']);
    const spoken = await sendMessage(parley, session_id, 'What is Parley?');
    assert.equal(spoken.body.data.reply?.sender_type, 'ai');
  });

  test('an agent hands over, a stranger does not', async () => {
    const { session_id } = await beginSession(parley, {}, user.headers);
    assert.equal(
      (await switchTo(session_id, { agent_type: 'human' }, agent.headers)).body.data.status,
      'pending',
    );
    assert.equal((await switchTo(session_id, { agent_type: 'ai' }, other.headers)).status, 404);
    assert.equal((await switchTo(session_id, { agent_type: 'ai' })).status, 404);
  });

  for (const [what, body, field] of [
    ['nobody', {}, 'agent_type'],
    ['a robot', { agent_type: 'robot' }, 'agent_type'],
    ['too long a reason', { agent_type: 'human', reason: 'x'.repeat(501) }, 'reason'],
  ] as const) {
    test(`is not switched to ${what}`, async () => {
      const { session_id } = await beginSession(parley);
      const { status, body: answer } = await switchTo(session_id, body);
      assert.deepEqual([status, answer.error.details?.field], [400, field]);
    });
  }
});

describe('helpdesk: a rating', () => {
  test('is given and changed by the customer, and shown', async () => {
    const { session_id } = await beginSession(parley);
    const first = await rate(session_id, { score: 2, comment: ' meh ' });
    assert.equal(first.status, 200);
    assert.deepEqual(
      { ...first.body.data, created_at: '' },
      {
        session_id,
        score: 2,
        comment: 'meh',
        created_at: '',
      },
    );
    await rate(session_id, { score: 5 });
    assert.equal((await get(session_id)).body.data.rating, 5);
  });

  test('is not given by staff, nor by a stranger', async () => {
    const { session_id } = await beginSession(parley, {}, user.headers);
    assert.equal((await rate(session_id, { score: 5 }, agent.headers)).status, 403);
    assert.equal((await rate(session_id, { score: 5 }, other.headers)).status, 404);
    assert.equal((await rate(session_id, { score: 5 }, user.headers)).status, 200);
  });

  for (const [what, body, field, issue] of [
    ['none', {}, 'score', '评分为必填项'],
    ['6', { score: 6 }, 'score', '评分必须是整数，且在 1 到 5 之间'],
    ['a half', { score: 4.5 }, 'score', '评分必须是整数'],
    ['a long comment', { score: 5, comment: 'x'.repeat(2001) }, 'comment', '评论长度必须不超过 2000 个字符'],
  ] as const) {
    test(`of ${what} is refused`, async () => {
      const { session_id } = await beginSession(parley);
      const { status, body: answer } = await rate(session_id, body);
      assert.equal(status, 400);
      assert.deepEqual(answer.error.details, { field, issue });
    });
  }

  test('of a numbered session is assistant’s', async () => {
    await makeAccount(parley, 'zoe');
    const token = bearer(await tokenOf(parley, 'zoe'));
    const { body } = await askHelpdesk<HelpdeskError>(
      parley,
      'POST',
      '/chat/sessions/999/rating',
      { score: 5 },
      token,
    );
    assert.equal(body.error.code, 'CHAT003');
  });
});
