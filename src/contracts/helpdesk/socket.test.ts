import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { bearer, forge, makeAccount, tokenOf } from '../../../test/support/accounts.ts';
import { beginSession, joinHelpdesk, messagesOf, sendMessage } from '../../../test/support/helpdesk.ts';
import {
  gist,
  helpdeskSocket,
  settled,
  type HelpdeskFrame,
  type HelpdeskSocket,
} from '../../../test/support/helpdesk-socket.ts';
import { startParley, type Parley } from '../../../test/support/parley.ts';
import { startScriptedVendor, type ScriptedVendor } from '../../../test/support/vendor.ts';

let parley: Parley;
let vendor: ScriptedVendor;
before(async () => {
  vendor = await startScriptedVendor();
  parley = await startParley({
    openAi: vendor.url,
    env: { PARLEY_FALLBACK: 'off' },
    yaml: { limits: { socket_frame_bytes: '2KB', helpdesk: { sockets_per_address: 100 } } },
  });
});
after(async () => {
  await parley.close();
  await vendor.close();
});

const english = { 'accept-language': 'en' };
const isEnd = ({ type, data }: HelpdeskFrame) =>
  type === 'error' || (type === 'message' && data.sender_type === 'ai');
const says =
  (text: string) =>
  ({ data }: HelpdeskFrame) =>
    data.full_content === text;
const gists = (frames: HelpdeskFrame[]) => frames.map(gist);

/** A guest with a session of one's own, who was told so. */
async function visit(query = '', headers?: Record<string, string>) {
  const { session_id } = await beginSession(parley);
  const socket = await helpdeskSocket(parley, `session_id=${session_id}&${query}`, headers);
  const hello = await socket.next();
  return {
    session_id,
    socket,
    hello,
    say: (content: string, id?: string) => say(socket, session_id, content, id),
  };
}

function say(socket: HelpdeskSocket, session_id: string, content: string, id?: string | number): void {
  socket.say('message', { session_id, content, message_type: 'text' }, id);
}

/** Lets the vendor answer in these pieces. */
async function answer(...pieces: string[]): Promise<void> {
  const call = await vendor.next();
  for (const piece of pieces) await call.delta(piece);
  call.finish();
}

describe('helpdesk: a guest’s socket', () => {
  test('joins a session with its first message, shows the answer as it is made, then whole', async () => {
    const { session_id } = await beginSession(parley);
    const socket = await helpdeskSocket(parley);
    say(socket, session_id, '你好，我需要帮助');
    const call = await vendor.next();
    await call.delta('您好！');
    const first = (await socket.until(says('您好！'))).at(-1);
    await call.delta('有什么可以帮助您的吗？');
    call.finish();
    const rest = await socket.until(isEnd);
    assert.deepEqual(
      { ...first, cursor: undefined },
      {
        type: 'ai_stream',
        data: { session_id, content: '您好！', is_complete: false, full_content: '您好！' },
        cursor: undefined,
      },
    );
    const streamed = [first, ...rest].filter((frame) => frame?.type === 'ai_stream');
    const full = '您好！有什么可以帮助您的吗？';
    assert.equal(streamed.map((frame) => frame?.data.content).join(''), full);
    assert.deepEqual(
      streamed.map((frame) => frame?.data.is_complete),
      [...streamed.slice(1).map(() => false), true],
    );
    const final = rest.at(-1)?.data;
    assert.match(String(final?.id), /^msg_\d+$/u);
    assert.match(final?.created_at ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/u);
    assert.deepEqual(
      [final?.session_id, final?.sender_type, final?.content, final?.message_type],
      [session_id, 'ai', full, 'text'],
    );
    assert.deepEqual(
      (await messagesOf(parley, session_id)).messages.map(({ content }) => content),
      ['你好，我需要帮助', full],
    );
    await socket.close();
  });

  test('its own message comes back when it is stored, under the id of its frame, and to its other sockets', async () => {
    const { session_id, socket, say: ask } = await visit();
    const other = await helpdeskSocket(parley, `session_id=${session_id}`);
    await other.next();
    ask('One?');
    await answer('One.');
    assert.deepEqual(gists(await socket.until(isEnd)), [
      'user: One?',
      'typing ai',
      'stream says: One.',
      'stream ends: One.',
      'ai: One.',
    ]);
    ask('Two?', 'two');
    await answer('Two.');
    const named = (await socket.until(isEnd))[0];
    assert.deepEqual([named && gist(named), named?.id], ['user: Two?', 'two']);
    const seen = [...(await other.until(isEnd)), ...(await other.until(isEnd))];
    assert.deepEqual(
      seen.filter(({ type }) => type === 'message').map((frame) => [gist(frame), frame.id]),
      [
        ['user: One?', undefined],
        ['ai: One.', undefined],
        ['user: Two?', undefined],
        ['ai: Two.', undefined],
      ],
    );
    await Promise.all([socket.close(), other.close()]);
  });

  test('a burst gets one answer, and what HTTP asks is seen too', async () => {
    const { session_id, socket, say: ask } = await visit();
    const asked = vendor.count();
    for (const content of ['First', 'second', 'third']) ask(content);
    await answer('All three.');
    const seen = gists(await socket.until(isEnd));
    assert.deepEqual(seen.at(-1), 'ai: All three.');
    assert.equal(vendor.count(), asked + 1);
    const sent = sendMessage(parley, session_id, 'By HTTP?');
    await answer('By HTTP.');
    assert.equal((await sent).body.data.reply?.content, 'By HTTP.');
    const more = gists(await socket.until(isEnd));
    assert.deepEqual([more[0], more.at(-1)], ['user: By HTTP?', 'ai: By HTTP.']);
    await socket.close();
  });

  test('a frame with the same id asks once, and is told what there is', async () => {
    const { socket, say: ask } = await visit();
    ask('Once?', 'q');
    await answer('Once.');
    await socket.until(isEnd);
    const asked = vendor.count();
    ask('Once?', 'q');
    const again = await socket.until(isEnd);
    assert.deepEqual(
      again.map((frame) => [gist(frame), frame.id]),
      [
        ['user: Once?', 'q'],
        ['ai: Once.', 'q'],
      ],
    );
    ask('Another?', 'q');
    const refused = await socket.next();
    assert.deepEqual([gist(refused), refused.id], ['error VALIDATION_ERROR', 'q']);
    assert.equal(vendor.count(), asked);
    await socket.close();
  });

  test('stop ends the answer and keeps what was said', async () => {
    const { session_id, socket, say: ask } = await visit();
    ask('Long?');
    const call = await vendor.next();
    await call.delta('Half');
    await socket.until(says('Half'));
    socket.say('stop', { session_id }, 's');
    await call.closed;
    const end = (await socket.until(isEnd)).at(-1);
    assert.deepEqual([end?.data.content, end?.data.status], ['Half', 'cancelled']);
    ask('Silent?');
    const silent = await vendor.next();
    socket.say('stop', { session_id });
    await silent.closed;
    assert.deepEqual(gists(await settled(socket)).slice(2), [], 'one that ended without a word is not shown');
    await socket.close();
  });

  test('a provider that fails is told in the document’s code, and a person is waited for', async () => {
    const { session_id, socket, say: ask } = await visit();
    ask('Fails?');
    for (let attempt = 1; attempt <= 2; attempt++) (await vendor.next()).refuse(500, 'no');
    const frames = await socket.until(({ type }) => type === 'status_update');
    assert.deepEqual(gists(frames), [
      'user: Fails?',
      'typing ai',
      'error AI_SERVICE_ERROR',
      'status pending human -',
    ]);
    const { details, message } = frames[2]?.data ?? {};
    assert.equal(message, 'AI服务调用失败');
    assert.equal((details as Record<string, unknown>)['session_id'], session_id);
    assert.equal(frames[3]?.data.message, '正在为您转接人工客服，请稍候');
    await socket.close();
  });

  test('a ping is answered by one ping, at most once a second', async () => {
    const socket = await helpdeskSocket(parley);
    for (const id of [1, 2, 3]) socket.say('ping', undefined, id);
    assert.deepEqual(
      (await settled(socket)).map(({ type, id }) => [type, id]),
      [['ping', 1]],
    );
    await socket.close();
  });
});

describe('helpdesk: who comes in', () => {
  /** The code of the error frame, and of the close. */
  const refusal = async (socket: HelpdeskSocket) => {
    const { type, data } = await socket.next();
    assert.equal(type, 'error');
    return [data.code, (await socket.closed).code];
  };

  test('a token, shown in any way, of any contract’s login', async () => {
    const { headers, id } = await joinHelpdesk(parley, 'mina');
    const token = headers.authorization.slice(7);
    const user = { id, email: 'mina@example.com', full_name: 'mina', role: 'user' };
    const { session_id } = await beginSession(parley, {}, headers);
    const byAddress = await helpdeskSocket(parley, `token=${token}&session_id=${session_id}`);
    const hello = await byAddress.next();
    assert.deepEqual(
      [hello.type, hello.data.authenticated, hello.data.session_id],
      ['auth', true, session_id],
    );
    assert.deepEqual({ ...hello.data.user, full_name: 'mina' }, user);
    const byHeader = await helpdeskSocket(parley, '', bearer(await tokenOf(parley, 'mina', 'companion')));
    assert.equal((await byHeader.next()).data.user?.id, id);
    const byFrame = await helpdeskSocket(parley);
    byFrame.say('auth', { token, session_id }, 7);
    const answered = await byFrame.next();
    assert.deepEqual([answered.id, answered.data.session_id, answered.data.user?.id], [7, session_id, id]);
    say(byAddress, session_id, 'Mine?');
    await answer('Yours.');
    assert.equal(gist((await byFrame.until(isEnd)).at(-1) as HelpdeskFrame), 'ai: Yours.');
    byFrame.say('auth', { token: await tokenOf(parley, 'mina') });
    assert.equal((await byFrame.next()).data.authenticated, true, 'the same person, once more');
    await makeAccount(parley, 'nina');
    byFrame.say('auth', { token: await tokenOf(parley, 'nina') });
    assert.equal((await byFrame.next()).data.code, 'FORBIDDEN');
    await Promise.all([byAddress, byHeader, byFrame].map((socket) => socket.close()));
  });

  test('nobody with a token that is not valid, and nobody longer than the login', async () => {
    const { headers } = await joinHelpdesk(parley, 'otto');
    const token = headers.authorization.slice(7);
    for (const bad of [forge(token), 'nonsense']) {
      assert.deepEqual(await refusal(await helpdeskSocket(parley, `token=${bad}`)), ['UNAUTHORIZED', 4401]);
      const late = await helpdeskSocket(parley);
      late.say('auth', { token: bad });
      assert.deepEqual(await refusal(late), ['UNAUTHORIZED', 4401]);
    }
    const key = await helpdeskSocket(parley, '', { 'x-api-key': await parley.key() });
    assert.deepEqual(await refusal(key), ['FORBIDDEN', 4401]);
    const late = await helpdeskSocket(parley);
    late.say('auth', { token });
    await late.next();
    await fetch(`${parley.url}/api/v1/auth/logout`, { method: 'POST', headers });
    assert.deepEqual(await refusal(late), ['UNAUTHORIZED', 4401]);
  });

  test('nobody in a session that is another’s', async () => {
    const { headers } = await joinHelpdesk(parley, 'pia');
    const theirs = await beginSession(parley, {}, headers);
    const guests = await beginSession(parley);
    const { headers: stranger } = await joinHelpdesk(parley, 'quin');
    for (const [id, as] of [
      [theirs.session_id, {}],
      [theirs.session_id, stranger],
      ['sess_nonsense', {}],
      ['1', stranger],
    ] as const) {
      const socket = await helpdeskSocket(parley, `session_id=${id}`, as);
      assert.deepEqual(await refusal(socket), ['SESSION_NOT_FOUND', 4404], id);
    }
    const socket = await helpdeskSocket(parley, '', english);
    for (const type of ['message', 'typing', 'read', 'stop', 'auth']) {
      socket.say(type, { session_id: theirs.session_id, content: 'Hi' }, type);
      const { id, data } = await socket.next();
      assert.deepEqual([id, data.code], [type, 'SESSION_NOT_FOUND']);
      assert.match(data.message ?? '', /no such/iu);
    }
    socket.say('auth', { session_id: guests.session_id });
    assert.equal((await socket.next()).data.session_id, guests.session_id);
    await socket.close();
  });

  test('ten of one address; the eleventh is told', async (t) => {
    const small = await startParley({ env: { PARLEY_RATE_LIMITS: 'on' } });
    t.after(() => small.close());
    const sockets = await Promise.all(Array.from({ length: 10 }, () => helpdeskSocket(small)));
    await Promise.all(sockets.map(settled));
    assert.deepEqual(await refusal(await helpdeskSocket(small)), ['RATE_LIMIT_EXCEEDED', 4429]);
    await sockets[0]?.close();
    const next = await helpdeskSocket(small);
    assert.deepEqual(await settled(next), []);
    await Promise.all([...sockets.slice(1), next].map((socket) => socket.close()));
  });

  test('messages over both doors are counted together, and maintenance is told', async (t) => {
    const limited = await startParley({ env: { PARLEY_RATE_LIMITS: 'on' } });
    t.after(() => limited.close());
    const { session_id } = await beginSession(limited);
    await limited.app.core.handoff.switchTo(
      (await limited.app.core.conversations.asGuest('127.0.0.1', session_id.slice(5)))!,
      1,
      'human',
    );
    const socket = await helpdeskSocket(limited, `session_id=${session_id}`);
    for (let message = 1; message < 60; message++)
      assert.equal((await sendMessage(limited, session_id, 'Hi')).status, 201);
    await settled(socket);
    say(socket, session_id, 'Sixty', 60);
    assert.equal(gist((await socket.until(({ id }) => id === 60)).at(-1) as HelpdeskFrame), 'user: Sixty');
    say(socket, session_id, 'Sixty-one', 61);
    assert.equal(gist(await socket.next()), 'error RATE_LIMIT_EXCEEDED');
    await limited.app.core.maintenance.set(true);
    say(socket, session_id, 'Now?');
    const { data } = await socket.next();
    assert.equal(data.message, '系统维护中，请稍后再试');
    await socket.close();
  });
});

describe('helpdesk: frames that are not as they must be', () => {
  test('a missing field is told as the document shows it', async () => {
    const socket = await helpdeskSocket(parley);
    socket.say('message', { content: 'Hi' });
    assert.deepEqual(await socket.next(), {
      type: 'error',
      data: {
        code: 'INVALID_MESSAGE_FORMAT',
        message: '消息格式不正确',
        details: '缺少必需字段: session_id',
      },
    });
    await socket.close();
    const other = await helpdeskSocket(parley, '', english);
    other.say('message', { content: 'Hi' }, 5);
    const { id, data } = await other.next();
    assert.deepEqual([id, data.details], [5, 'Missing required field: session_id']);
    await other.close();
  });

  const malformed: [string, unknown, string][] = [
    ['no JSON', '{', '消息必须是 JSON 对象'],
    ['bytes', Buffer.from('{"type":"ping"}'), '消息必须是 JSON 对象'],
    ['a list', [], '消息必须是 JSON 对象'],
    ['more than a frame may hold', { type: 'ping', x: 'x'.repeat(3000) }, 'frame: frame 不能超过 2000 字节'],
    ['no type', { data: {} }, '缺少必需字段: type'],
    ['no data', { type: 'message' }, '缺少必需字段: data'],
    ['no content', { type: 'message', data: { session_id: 'sess_1' } }, '缺少必需字段: content'],
    ['no status', { type: 'presence', data: {} }, '缺少必需字段: status'],
  ];

  test('what is malformed gets an error, and the socket stays', async () => {
    const socket = await helpdeskSocket(parley);
    for (const [what, frame, details] of malformed) {
      socket.send(frame);
      const { type, data } = await socket.next();
      assert.deepEqual([type, data.code, data.details], ['error', 'INVALID_MESSAGE_FORMAT', details], what);
    }
    for (const frame of [
      { type: 'shout' },
      { type: 7 },
      { type: 'message', data: { session_id: 1, content: 'x' } },
      { type: 'message', data: { session_id: 'sess_x', content: 'x', message_type: 'image' } },
      { type: 'message', data: 'x' },
      { type: 'typing', data: { session_id: 'sess_x', is_typing: 'yes' } },
      { type: 'read', data: { session_id: 'sess_x', up_to: '12' } },
      { type: 'auth', data: [] },
    ]) {
      socket.send(frame);
      assert.equal((await socket.next()).data.code, 'INVALID_MESSAGE_FORMAT', JSON.stringify(frame));
    }
    socket.send({ type: 'pong' });
    socket.say('presence', { status: 'away' });
    assert.equal((await socket.next()).data.code, 'FORBIDDEN');
    await socket.close();
  });

  test('an empty text, and a bad id, name their field', async () => {
    const { session_id, socket, say: ask } = await visit();
    ask('  ');
    const { code, details } = (await socket.next()).data;
    assert.deepEqual([code, (details as { field: string }).field], ['VALIDATION_ERROR', 'content']);
    socket.send({ type: 'message', id: { no: 1 }, data: { session_id, content: 'Hi' } });
    assert.equal((await socket.next()).data.code, 'VALIDATION_ERROR');
    await socket.close();
  });

  test('whatever is sent, the socket answers or keeps silent, and lives', async () => {
    const { session_id, socket } = await visit();
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(session_id, 'sess_', 'online', true, null, ''),
    );
    const fields = fc.dictionary(
      fc.constantFrom(
        'session_id',
        'content',
        'message_type',
        'is_typing',
        'up_to',
        'status',
        'cursor',
        '__proto__',
      ),
      value,
      { maxKeys: 4 },
    );
    const type = fc.constantFrom('auth', 'message', 'typing', 'read', 'stop', 'presence', 'ping', 'x');
    const frames = fc.record({ type, data: fc.oneof(fields, value), id: value }, { requiredKeys: ['type'] });
    await fc.assert(
      fc.asyncProperty(fc.array(frames, { maxLength: 8 }), async (batch) => {
        for (const frame of batch) {
          if (
            frame.type !== 'message' ||
            (frame.data as { content?: unknown } | null)?.content === undefined
          ) {
            socket.send(frame);
          }
        }
        await settled(socket);
      }),
      { numRuns: 100 },
    );
    assert.ok(!parley.log().includes('a frame could not be handled'));
    await socket.close();
  });
});
