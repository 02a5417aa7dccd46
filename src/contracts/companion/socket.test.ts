import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer } from '../../../test/support/accounts.ts';
import {
  gist,
  makeCompanion,
  openCompanion,
  type Companion,
  type CompanionFrame,
  type CompanionSocket,
} from '../../../test/support/companion.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { send } from '../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../test/support/parley.ts';
import { assertShape } from '../../../test/support/shape.ts';
import { startScriptedVendor, type ScriptedVendor } from '../../../test/support/vendor.ts';

const exampleFrame = {
  type: 'message',
  data: { role: 'user', content: 'Hi', timestamp: '2026-01-01T10:00:00.000Z' },
};

const isDelivered = ({ data }: CompanionFrame) => data.role === 'assistant' && data.content === 'delivered';
const isTyping = ({ data }: CompanionFrame) => data.content === 'typing';
const isAnswer = ({ type, data }: CompanionFrame) =>
  type === 'message' && data.role === 'assistant' && data.status !== 'streaming';

let vendor: ScriptedVendor;
let parley: Parley;
before(async () => {
  vendor = await startScriptedVendor();
  parley = await startParley({
    openAi: vendor.url,
    env: { PARLEY_FALLBACK: 'off' },
    yaml: {
      providers: { openai: { retries: { attempts: 1 } } },
      access_token_ttl: '10h',
      limits: { socket_frame_bytes: '4kB' },
    },
  });
});
after(async () => {
  await parley.close();
  await vendor.close();
});
const somebody = () => makeCompanion(parley, vendor);

/** Asks on a socket, lets the vendor answer, and reads until the answer is delivered. */
async function exchange(socket: CompanionSocket, content: string, answer: string) {
  socket.send({ type: 'message', content });
  const call = await vendor.next();
  await call.delta(answer);
  call.finish();
  return socket.until(isDelivered);
}

describe('companion: WS /ws/chat', () => {
  test("the document's frame is answered by the document's frames", async () => {
    const ada = await somebody();
    const socket = await ada.open();
    const frames = await exchange(socket, 'Hello', 'Good day');
    assert.deepEqual(frames.map(gist), [
      'user: Hello (sent)',
      'user sent',
      'user delivered',
      'user read',
      'assistant typing',
      'assistant: Good day (sent)',
      'assistant delivered',
    ]);
    for (const frame of frames) assertShape(frame, exampleFrame);
    const [question, sent] = frames;
    const answer = frames[5];
    assert.equal(sent?.data.id, question?.data.id);
    assert.equal(frames[4]?.data.id, answer?.data.id);
    assert.deepEqual(frames[6]?.data.ids, [answer?.data.id]);
    await socket.close();
  });

  for (const [way, options] of [
    ['the Authorization header', (token: string) => ({ headers: bearer(token) })],
    ['the subprotocol', (token: string) => ({ protocols: [`bearer.${token}`] })],
  ] as const) {
    test(`takes its token from ${way}`, async () => {
      const ada = await somebody();
      const socket = await openCompanion(`${parley.wsUrl}/ws/chat`, options(ada.token));
      socket.send({ type: 'ping', id: 7 });
      const pong = await socket.next();
      assert.deepEqual([pong.type, pong.id], ['pong', 7]);
      await socket.close();
    });
  }

  test('tells of messages whichever door or socket wrote them, and of nobody else’s', async () => {
    const [ada, ben] = [await somebody(), await somebody()];
    const [one, two, other] = [await ada.open(), await ada.open(), await ben.open()];
    const first = await exchange(one, 'By socket', 'One');
    assert.deepEqual(await two.until(isDelivered), first);
    await ada.exchange('By request', 'Two');
    assert.equal((await one.until(isAnswer)).at(-1)?.data.content, 'Two');
    assert.equal((await two.until(isAnswer)).at(-1)?.data.content, 'Two');
    assert.equal(other.waiting, 0);
    for (const socket of [one, two, other]) await socket.close();
  });

  test('does not tell of chats of other contracts', async () => {
    const ada = await somebody();
    const socket = await ada.open();
    const { body } = await ada.post<{ access_token: string }>('auth/token', {
      username: ada.username,
      password: 'correct horse battery staple',
    });
    const asked = send(`${parley.url}/api/v1/chat`, 'POST', { message: 'x' }, bearer(body.access_token));
    (await vendor.next()).finish();
    assert.equal((await asked).status, 200);
    const frames = await exchange(socket, 'Mine', 'Here');
    assert.equal(frames[0]?.data.content, 'Mine');
    await socket.close();
  });

  test('an answer is delivered once it went out on an open socket, and read when its reader says so', async () => {
    const ada = await somebody();
    const statusOf = async () => {
      const { body } = await ada.get<{ messages: { status: string }[] }>('chat/history?order=desc');
      return body.messages.filter((_, at) => at % 2 === 0).map(({ status }) => status);
    };
    await ada.exchange('Nobody listens', 'Sent');
    assert.deepEqual(await statusOf(), ['sent']);
    const socket = await ada.open();
    await exchange(socket, 'Somebody listens', 'Delivered');
    assert.deepEqual(await statusOf(), ['delivered', 'delivered']);
    socket.send({ type: 'read' });
    const [read] = await socket.until(({ data }) => data.content === 'read');
    assert.equal(read?.data.ids?.length, 2);
    assert.deepEqual(await statusOf(), ['read', 'read']);
    await socket.close();
  });

  test('an answer on its way is not read before it is there', async () => {
    const ada = await somebody();
    const socket = await ada.open();
    socket.send({ type: 'message', content: 'Hello' });
    const call = await vendor.next();
    await socket.until(isTyping);
    socket.send({ type: 'read' });
    socket.send({ type: 'ping' });
    await socket.until(({ type }) => type === 'pong');
    await call.delta('Late');
    call.finish();
    const [answer] = await socket.until(isAnswer);
    assert.equal(answer?.data.status, 'sent');
    await socket.close();
  });

  test('stop ends the answer and keeps what was said; sent again under its id, it stops nothing newer', async () => {
    const ada = await somebody();
    const socket = await ada.open('&stream=true');
    socket.send({ type: 'message', content: 'Talk' });
    const call = await vendor.next();
    await call.delta('Half');
    await socket.until(({ data }) => data.status === 'streaming');
    socket.send({ type: 'stop', id: 'enough' });
    await call.closed;
    const answer = (await socket.until(isAnswer)).at(-1);
    assert.deepEqual([answer?.data.content, answer?.data.state], ['Half', 'cancelled']);
    socket.send({ type: 'message', content: 'Go on' });
    const next = await vendor.next();
    socket.send({ type: 'stop', id: 'enough' });
    socket.send({ type: 'ping' });
    await socket.until(({ type }) => type === 'pong');
    await next.delta('On');
    next.finish();
    const following = (await socket.until(isAnswer)).at(-1);
    assert.deepEqual([following?.data.content, following?.data.state], ['On', 'completed']);
    await socket.close();
  });

  test('a provider that fails ends the typing with an error frame', async () => {
    const ada = await somebody();
    const socket = await ada.open();
    socket.send({ type: 'message', content: 'Fail' });
    (await vendor.next()).refuse(400, 'no');
    const frames = await socket.until(({ type }) => type === 'error');
    assertShape(frames.at(-1), {
      type: 'error',
      data: { role: 'system', content: 'x', timestamp: '2026-01-01T10:00:00.000Z' },
    });
    assert.equal(frames.at(-1)?.data.role, 'system');
    assert.equal(frames.some(isAnswer), false);
    await socket.close();
  });

  test('what is not understood gets an error frame, and the socket stays', async () => {
    const ada = await somebody();
    const socket = await ada.open();
    const refused: unknown[] = [
      'not JSON',
      '[]',
      'null',
      '"text"',
      {},
      { type: 'unknown' },
      { type: 'message' },
      { type: 'message', content: '' },
      { type: 'message', content: '  ' },
      { type: 'message', content: 42 },
      { type: 'message', content: 'Hello', id: {} },
      { type: 'message', content: 'x'.repeat(5000) },
      Buffer.from('{"type":"ping"}'),
    ];
    for (const frame of refused) {
      socket.send(frame);
      const { type, data } = await socket.next();
      assert.deepEqual([type, data.role], ['error', 'system'], JSON.stringify(frame));
    }
    socket.send({ type: 'message', content: '', id: 'mine' });
    assert.equal((await socket.next()).id, 'mine');
    await exchange(socket, 'Hello', 'Still here');
    await socket.close();
  });
});

describe('companion: streaming', () => {
  test('shows the text so far, then the whole answer', async () => {
    const ada = await somebody();
    const [streaming, plain] = [await ada.open('&stream=true'), await ada.open()];
    streaming.send({ type: 'message', content: 'Hello' });
    const call = await vendor.next();
    await call.delta('Good');
    const [first] = (await streaming.until(({ data }) => data.status === 'streaming')).slice(-1);
    assert.equal(first?.data.content, 'Good');
    await call.delta(' day');
    assert.equal((await streaming.next()).data.content, 'Good day');
    call.finish();
    const last = await streaming.next();
    assert.deepEqual(
      [last.data.content, last.data.status, last.data.id],
      ['Good day', 'sent', first?.data.id],
    );
    assert.equal(
      (await plain.until(isAnswer)).some(({ data }) => data.status === 'streaming'),
      false,
    );
    await streaming.close();
    await plain.close();
  });

  test('a socket that opens while an answer is made joins it', async () => {
    const ada = await somebody();
    const pending = ada.post('chat', { message: 'Hello' });
    const call = await vendor.next();
    await call.delta('Early');
    const [streaming, plain] = [await ada.open('&stream=true'), await ada.open()];
    assert.equal(gist(await plain.next()), 'assistant typing');
    assert.equal(gist(await streaming.next()), 'assistant typing');
    assert.equal((await streaming.next()).data.content, 'Early');
    await call.delta(' late');
    assert.equal((await streaming.next()).data.content, 'Early late');
    call.finish();
    assert.equal((await streaming.next()).data.content, 'Early late');
    assert.equal((await plain.next()).data.content, 'Early late');
    await pending;
    await streaming.close();
    await plain.close();
  });
});

describe('companion: coming back', () => {
  test('with any cursor, a client is told exactly what it missed', async () => {
    const ada = await somebody();
    const socket = await ada.open();
    const frames = [
      ...(await exchange(socket, 'One', 'First')),
      ...(await exchange(socket, 'Two', 'Second')),
    ];
    await socket.close();
    const cursors = frames.map(({ cursor }) => cursor ?? 0);
    assert.deepEqual(
      cursors,
      cursors.toSorted((a, b) => a - b),
    );
    for (const [at, { cursor }] of frames.entries()) {
      const again = await ada.open(`&cursor=${cursor}`);
      again.send({ type: 'ping' });
      const missed = await again.until(({ type }) => type === 'pong');
      // Receipts are as they are now.
      const seen = (list: CompanionFrame[]) =>
        list.map(({ type, cursor: now, data }) => [type, now, data.id, data.content]);
      assert.deepEqual(seen(missed.slice(0, -1)), seen(frames.slice(at + 1)), `after frame ${at}`);
      assert.equal(missed.at(-1)?.cursor, frames.at(-1)?.cursor);
      await again.close();
    }
  });

  test('what was missed is delivered by that', async () => {
    const ada = await somebody();
    const socket = await ada.open();
    socket.send({ type: 'ping' });
    const { cursor } = await socket.next();
    await socket.close();
    await ada.exchange('Away', 'Missed');
    const again = await ada.open(`&cursor=${cursor}`);
    const frames = await again.until(isDelivered);
    assert.equal(frames.filter(isAnswer)[0]?.data.content, 'Missed');
    await again.close();
  });

  for (const cursor of ['999999999', 'nonsense', '-1', '']) {
    test(`the cursor "${cursor}" is answered by a reset to the present`, async () => {
      const ada = await somebody();
      await ada.exchange('Hello', 'Hello');
      const socket = await ada.open(`&cursor=${cursor}`);
      const reset = await socket.next();
      assert.equal(reset.type, 'reset');
      const frames = await exchange(socket, 'Next', 'Answer');
      assert.equal(frames[0]?.data.content, 'Next');
      assert.ok((frames[0]?.cursor ?? 0) > (reset.cursor ?? Infinity));
      await socket.close();
    });
  }

  test('a frame sent again under its id runs nothing twice, and tells its sender again', async () => {
    const ada = await somebody();
    const socket = await ada.open();
    const calls = vendor.count();
    const frame = { type: 'message', id: 'only-once', content: 'Hello' };
    socket.send(frame);
    const call = await vendor.next();
    await socket.until(isTyping);
    const second = await ada.open();
    await second.until(isTyping);
    second.send(frame);
    assert.equal(gist(await second.next()), 'user: Hello (read)');
    assert.equal(gist(await second.next()), 'assistant typing');
    await call.delta('Once');
    call.finish();
    await second.until(isDelivered);
    second.send(frame);
    assert.equal(gist(await second.next()), 'user: Hello (read)');
    assert.equal(gist(await second.next()), 'assistant: Once (delivered)');
    second.send({ ...frame, content: 'Other' });
    const refused = await second.next();
    assert.deepEqual([refused.type, refused.id], ['error', 'only-once']);
    assert.equal(vendor.count(), calls + 1);
    const { body } = await ada.get<{ pagination: { total: number } }>('chat/history');
    assert.equal(body.pagination.total, 2);
    await socket.close();
    await second.close();
  });

  test('answers go on though every socket is gone, and a restart loses none of them', async () => {
    const ada = await somebody();
    const socket = await ada.open();
    socket.send({ type: 'message', content: 'Hello' });
    const call = await vendor.next();
    const cursor = (await socket.until(isTyping)).at(-1)?.cursor;
    socket.socket.terminate();
    await call.delta('Nobody hears');
    call.finish();
    await eventually(async () => {
      const { body } = await ada.get<{ messages: { state: string }[] }>('chat/history');
      return body.messages[1]?.state === 'completed' ? true : undefined;
    });
    await parley.restart();
    const again = await ada.open(`&cursor=${cursor}`);
    assert.equal((await again.next()).data.content, 'Nobody hears');
    await again.close();
  });
});

test('companion: no token is logged, however it was sent', async () => {
  const ada = await somebody();
  const ways: [query: string, protocols: string[]][] = [
    [`?token=${ada.token}`, []],
    ['', [`bearer.${ada.token}`]],
  ];
  for (const [query, protocols] of ways) {
    const socket = await openCompanion(`${parley.wsUrl}/ws/chat${query}`, { protocols });
    await exchange(socket, 'Hello', 'Hello');
    await socket.close();
  }
  assert.ok(parley.log().includes('POST'), 'something is logged');
  assert.equal(parley.log().includes(ada.token), false);
});

describe('companion: who may open a socket', () => {
  const refusalOf = async (url: string) => {
    const socket = await openCompanion(url);
    const frame = await socket.next();
    return { frame, code: (await socket.closed).code };
  };
  const isRefused = async (ada: Companion) => {
    const { frame, code } = await refusalOf(`${parley.wsUrl}/ws/chat?token=${ada.token}`);
    assert.deepEqual([frame.type, frame.data.role, code], ['error', 'system', 4401]);
  };

  test('a revoked login: an error frame and 4401; open sockets close with it', async () => {
    const ada = await somebody();
    const socket = await ada.open();
    await ada.post('logout');
    assert.equal((await socket.closed).code, 4401);
    await isRefused(ada);
  });

  test('a disabled account, likewise', async () => {
    const ada = await somebody();
    const socket = await ada.open();
    const { accounts } = parley.app.core;
    const found = (await accounts.list()).find(({ username }) => username === ada.username);
    await accounts.setStatus(found?.id ?? 0, 'disabled');
    assert.equal((await socket.closed).code, 4401);
    await isRefused(ada);
  });

  test('an expired token', async () => {
    const ada = await somebody();
    parley.advance(11 * 60 * 60 * 1000);
    await isRefused(ada);
  });

  test('three sockets at once; the fourth is told and closed with 4429', async (t) => {
    const limited = await startParley({ openAi: vendor.url, env: { PARLEY_RATE_LIMITS: 'on' } });
    t.after(() => limited.close());
    const ada = await makeCompanion(limited, vendor);
    const open = [await ada.open(), await ada.open(), await ada.open()];
    for (const socket of open) {
      socket.send({ type: 'ping' });
      await socket.next();
    }
    const { frame, code } = await refusalOf(`${limited.wsUrl}/ws/chat?token=${ada.token}`);
    assert.deepEqual([frame.type, code], ['error', 4429]);
    await open[0]?.close();
    const replaced = await eventually(async () => {
      const socket = await ada.open();
      socket.send({ type: 'ping' });
      if ((await socket.next()).type === 'pong') return socket;
      await socket.closed;
      return undefined;
    });
    for (const socket of [open[1], open[2], replaced]) await socket?.close();
  });

  test('in maintenance nobody but administrators may ask or read; logging out goes on', async (t) => {
    const ada = await somebody();
    const socket = await ada.open();
    const { maintenance } = parley.app.core;
    await maintenance.set(true);
    t.after(() => maintenance.set(false));
    socket.send({ type: 'message', content: 'Hello', id: 1 });
    const refused = await socket.next();
    assert.deepEqual([refused.type, refused.id], ['error', 1]);
    const { status, body, headers } = await ada.post('chat', { message: 'Hello' });
    assert.deepEqual([status, Object.keys(body)], [503, ['detail']]);
    assert.match(headers.get('retry-after') ?? '', /^\d+$/);
    for (const path of ['chat/history', 'stats/chat']) assert.equal((await ada.get(path)).status, 503);
    await socket.close();
    assert.equal((await ada.post('logout', {})).status, 200);
  });
});

describe('companion: a message that is removed', () => {
  const remove = async ({ token }: Companion, messageId: string | undefined) => {
    const caller = await parley.app.core.accounts.identify(token, '127.0.0.1');
    await parley.app.core.conversations.removeMessage(caller, Number(messageId));
  };
  const isRemoved = ({ type }: CompanionFrame) => type === 'message_removed';
  const historyOf = async (ada: Companion, query = '') => {
    const path = `chat/history?${query}`;
    const { body } = await ada.get<{ messages: { content: string }[]; pagination: { total: number } }>(path);
    return { messages: body.messages, total: body.pagination.total };
  };

  test('is told, and is in no page of the history any more', async () => {
    const ada = await somebody();
    for (const at of [1, 2, 3]) await ada.exchange(`Question ${at}`, `Answer ${at}`);
    const socket = await ada.open();
    const { messages } = await ada.exchange('Question 4', 'Answer 4');
    await socket.until(isDelivered);
    const gone = messages.find(({ content }) => content === 'Question 2');
    await remove(ada, gone?.id);
    const frame = await socket.next();
    const { type, data } = frame;
    assert.deepEqual([type, data.id, data.sessionId], ['message_removed', gone?.id, gone?.sessionId]);
    assertShape(frame, { ...exampleFrame, type: 'message_removed' });
    const left = [1, 2, 3, 4].flatMap((at) => [`Question ${at}`, `Answer ${at}`]).toSpliced(2, 1);
    const seen: string[] = [];
    for (const page of [1, 2, 3, 4]) {
      const part = await historyOf(ada, `page=${page}&pageSize=2`);
      assert.equal(part.total, 7);
      seen.push(...part.messages.map(({ content }) => content));
    }
    assert.deepEqual(seen, left);
    const back = await historyOf(ada, 'page=2&pageSize=3&order=desc');
    assert.deepEqual(
      back.messages.map(({ content }) => content),
      left.toReversed().slice(3, 6),
    );
    await socket.close();
  });

  test('on its way is shown no more, and what is asked next is answered', async () => {
    const ada = await somebody();
    const socket = await ada.open('&stream=true');
    socket.send({ type: 'message', content: 'Why?' });
    const call = await vendor.next();
    await call.delta('So');
    const shown = (await socket.until(({ data }) => data.status === 'streaming')).at(-1);
    await remove(ada, shown?.data.id);
    await call.closed;
    const removed = (await socket.until(isRemoved)).at(-1);
    assert.equal(removed?.data.id, shown?.data.id);
    const frames = await exchange(socket, 'And how?', 'Thus.');
    assert.equal(frames.findLast(isAnswer)?.data.content, 'Thus.');
    assert.deepEqual(
      (await historyOf(ada)).messages.map(({ content }) => content),
      ['Why?', 'And how?', 'Thus.'],
    );
    await socket.close();
  });
});
