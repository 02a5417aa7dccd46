import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { bearer, forge, tokenOf } from '../../../test/support/accounts.ts';
import {
  makePerson,
  type MessageBody,
  type Person,
  type SessionBody,
  type SessionFrame,
  type SessionSocket,
} from '../../../test/support/assistant.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { startParley, type Parley } from '../../../test/support/parley.ts';
import { openSocket } from '../../../test/support/socket.ts';
import { startScriptedVendor, type ScriptedVendor } from '../../../test/support/vendor.ts';

let parley: Parley;
let vendor: ScriptedVendor;
let person: Person;
let session: number;

before(async () => {
  vendor = await startScriptedVendor();
  parley = await startParley({
    openAi: vendor.url,
    env: { PARLEY_FALLBACK: 'off' },
    yaml: { limits: { socket_frame_bytes: '2KB' } },
  });
  person = await makePerson(parley, 'mina');
  session = await beginSession();
});
after(async () => {
  await parley.close();
  await vendor.close();
});

/** A session with one exchange in it. */
async function beginSession(of = person): Promise<number> {
  const answered = of.call('POST', '/chat', { message: 'Hello' });
  (await vendor.next()).finish();
  return (await answered).body.session_id;
}

const question = (content: string, id?: string | number) => ({
  type: 'message',
  ...(id !== undefined && { id }),
  data: { content },
});

/** What tells frames apart, without times and ids. */
const gist = ({ type, data }: SessionFrame) =>
  type === 'message' ? [data.role, data.status, data.content] : [type];

const hasEnded = ({ data, type }: SessionFrame) =>
  type === 'message' && data.role === 'assistant' && data.status !== 'streaming';

const isCompleted = ({ data }: SessionFrame) => data.status === 'completed';
const isTyping = ({ type }: SessionFrame) => type === 'typing';
const says = (content: string) => (frame: SessionFrame) => frame.data.content === content;

/** A round trip: whatever the server had to say before it, it has said. */
async function settled(socket: SessionSocket): Promise<SessionFrame[]> {
  socket.send({ type: 'ping', id: 'settled' });
  const frames = await socket.until(({ type, id }) => type === 'pong' && id === 'settled');
  return frames.slice(0, -1);
}

describe('assistant: a socket on which a question is being stored', () => {
  test('is not read meanwhile; a fault of ours is logged', async (t) => {
    const begun = Promise.withResolvers<void>();
    const stored = Promise.withResolvers<never>();
    t.mock.method(parley.app.core.turns, 'ask', () => {
      begun.resolve();
      return stored.promise;
    });
    const [asking, other] = [await person.socket(session), await person.socket(session)];
    asking.send(question('Why?', 'q'));
    await begun.promise;
    asking.send({ type: 'ping', id: 'later' });
    await settled(other);
    assert.equal(asking.waiting, 0);
    stored.reject(new RangeError('a fault of ours'));
    const frames = await asking.until(({ type }) => type === 'pong');
    assert.deepEqual(
      frames.map(({ type, id }) => [type, id]),
      [
        ['error', 'q'],
        ['pong', 'later'],
      ],
    );
    assert.match(parley.log(), /a fault of ours/u);
    await Promise.all([asking.close(), other.close()]);
  });
});

describe('assistant: a session’s socket', () => {
  test('shows a question, that it is being answered, and the answer', async () => {
    const socket = await person.socket(session);
    socket.send(question('Why?'));
    const call = await vendor.next();
    await call.delta('Because.');
    call.finish();
    const frames = await socket.until(hasEnded);
    assert.deepEqual(frames.map(gist), [
      ['user', 'sent', 'Why?'],
      ['typing'],
      ['assistant', 'completed', 'Because.'],
    ]);
    const [asked, , answered] = frames;
    for (const { data, cursor } of [asked, answered] as SessionFrame[]) {
      assert.match(cursor ?? '', /^\d+$/u);
      assert.match(data.created_at ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u);
      assert.ok(Number.isSafeInteger(data.id) && Number.isSafeInteger(data.tokens));
    }
    const { body } = await person.call<MessageBody[]>('GET', `/chat/sessions/${session}/messages?limit=100`);
    assert.deepEqual(body.at(-1), answered?.data);
    await socket.close();
  });

  test('with ?stream=true shows the text so far, then the whole', async () => {
    const socket = await person.socket(session, 'stream=true');
    socket.send(question('Slowly?'));
    const call = await vendor.next();
    await call.delta('One ');
    const frames = await socket.until(says('One '));
    await call.delta('two');
    frames.push(...(await socket.until(says('One two'))));
    call.finish();
    frames.push(...(await socket.until(hasEnded)));
    assert.deepEqual(frames.map(gist), [
      ['user', 'sent', 'Slowly?'],
      ['typing'],
      ['assistant', 'streaming', 'One '],
      ['assistant', 'streaming', 'One two'],
      ['assistant', 'completed', 'One two'],
    ]);
    assert.deepEqual(
      frames.slice(2, 4).map(({ data }) => [data.delta, data.offset]),
      [
        ['One ', 0],
        ['two', 4],
      ],
    );
    await socket.close();
  });

  test('two terminals on one conversation see the same, and what another door asks', async () => {
    const [one, two] = [await person.socket(session, 'stream=true'), await person.socket(session)];
    const answered = person.call('POST', '/chat', { message: 'From elsewhere?', session_id: session });
    const call = await vendor.next();
    await call.delta('Every');
    const late = await person.socket(session, 'stream=true');
    assert.deepEqual((await late.until(says('Every'))).map(gist), [
      ['typing'],
      ['assistant', 'streaming', 'Every'],
    ]);
    await call.delta('where.');
    call.finish();
    await answered;
    const streamed = await one.until(hasEnded);
    assert.deepEqual(streamed.slice(0, 2).map(gist), [['user', 'sent', 'From elsewhere?'], ['typing']]);
    assert.equal(streamed.map(({ data }) => data.delta ?? '').join(''), 'Everywhere.');
    assert.deepEqual((await two.until(hasEnded)).map(gist), [
      ['user', 'sent', 'From elsewhere?'],
      ['typing'],
      ['assistant', 'completed', 'Everywhere.'],
    ]);
    const joined = await late.until(hasEnded);
    assert.equal(joined.map(({ data }) => data.delta ?? '').join(''), 'where.');
    assert.deepEqual(joined.at(-1), streamed.at(-1));
    await Promise.all([one, two, late].map((socket) => socket.close()));
  });

  test('one that comes without ?stream while an answer is made hears of it, and of its end', async () => {
    const first = await person.socket(session);
    first.send(question('Long?'));
    const call = await vendor.next();
    const late = await person.socket(session);
    assert.deepEqual(gist(await late.next()), ['typing']);
    call.finish();
    assert.deepEqual((await late.until(hasEnded)).map(gist), [['assistant', 'completed', '']]);
    await Promise.all([first.close(), late.close()]);
  });

  test('questions are answered one after the other, in their order', async () => {
    const socket = await person.socket(session, 'stream=true');
    socket.send(question('First?'));
    socket.send(question('Second?'));
    const first = await vendor.next();
    const frames = await socket.until(says('Second?'));
    await first.delta('First.');
    first.finish();
    const second = await vendor.next();
    await second.delta('Second.');
    second.finish();
    frames.push(...(await socket.until(hasEnded)), ...(await socket.until(hasEnded)));
    assert.deepEqual(frames.map(gist), [
      ['user', 'sent', 'First?'],
      ['typing'],
      ['user', 'sent', 'Second?'],
      ['assistant', 'streaming', 'First.'],
      ['assistant', 'completed', 'First.'],
      ['typing'],
      ['assistant', 'streaming', 'Second.'],
      ['assistant', 'completed', 'Second.'],
    ]);
    await socket.close();
  });

  test('stop ends the answer, which keeps what was said', async () => {
    const socket = await person.socket(session, 'stream=true');
    socket.send(question('Stop?'));
    const call = await vendor.next();
    await call.delta('Half');
    await socket.until(says('Half'));
    socket.send({ type: 'stop' });
    assert.deepEqual(gist(await socket.next()), ['assistant', 'cancelled', 'Half']);
    await call.closed;
    assert.deepEqual(await settled(socket), []);
    await socket.close();
  });

  test('a stop that is sent again under its id stops nothing newer', async () => {
    const socket = await person.socket(session);
    for (const status of ['cancelled', 'completed']) {
      socket.send(question('Long?'));
      const call = await vendor.next();
      await call.delta('Half');
      await socket.until(isTyping);
      socket.send({ type: 'stop', id: 'enough' });
      if (status === 'completed') {
        assert.deepEqual(await settled(socket), []);
        call.finish();
      }
      assert.equal((await socket.until(hasEnded)).at(-1)?.data.status, status);
    }
    await socket.close();
  });

  test('a failed answer is a message that failed, and an error', async () => {
    const socket = await person.socket(session);
    socket.send(question('Fail?'));
    for (let attempt = 0; attempt < 2; attempt++) (await vendor.next()).refuse(500, 'no');
    const [asked, typing, failed] = await socket.until(hasEnded);
    const error = await socket.next();
    assert.equal(asked?.data.content, 'Fail?');
    assert.equal(typing?.type, 'typing');
    assert.equal(failed?.data.status, 'failed');
    assert.equal(error.type, 'error');
    assert.equal(error.data.code, 'CHAT002');
    assert.equal(error.data.details, '');
    assert.equal(failed.data.error, error.data.error);
    await socket.close();
  });

  test('the same frame again runs nothing twice and shows what there is', async () => {
    const [one, two] = [await person.socket(session), await person.socket(session)];
    one.send(question('Once?', 'frame-1'));
    const call = await vendor.next();
    const asked = vendor.count();
    const own = await one.until(isTyping);
    assert.equal(own[0]?.id, 'frame-1');
    two.send(question('Once?', 'frame-1'));
    const running = await two.until(({ type, id }) => type === 'typing' && id === 'frame-1');
    assert.deepEqual(running.slice(-2).map(gist), [['user', 'sent', 'Once?'], ['typing']]);
    await call.delta('Once.');
    call.finish();
    await one.until(hasEnded);
    await two.until(hasEnded);
    two.send(question('Once?', 'frame-1'));
    const again = await two.until(hasEnded);
    assert.deepEqual(again.map(gist), [
      ['user', 'sent', 'Once?'],
      ['assistant', 'completed', 'Once.'],
    ]);
    assert.deepEqual(
      again.map(({ id }) => id),
      ['frame-1', 'frame-1'],
    );
    two.send(question('Another?', 'frame-1'));
    const refused = await two.next();
    assert.deepEqual([refused.type, refused.id, refused.data.code], ['error', 'frame-1', 'REQ001']);
    assert.equal(vendor.count(), asked);
    assert.deepEqual(await settled(one), []);
    await Promise.all([one.close(), two.close()]);
  });

  const malformed: [string, unknown, string][] = [
    ['no JSON', '{', 'frame'],
    ['bytes', Buffer.from('{"type":"ping"}'), 'frame'],
    ['a list', [], 'type'],
    ['null', 'null', 'type'],
    ['no type', { data: {} }, 'type'],
    ['an unknown type', { type: 'shout' }, 'type'],
    ['no data', { type: 'message' }, 'data'],
    ['no content', { type: 'message', data: {} }, 'data.content'],
    ['an empty content', question(' '), 'data.content'],
    ['a content that is no text', { type: 'message', data: { content: 1 } }, 'data.content'],
    ['an id that is an object', { ...question('Hi'), id: {} }, 'id'],
    ['an empty id', question('Hi', ''), 'id'],
    ['more than a frame may hold', question('x'.repeat(3000)), 'frame'],
  ];
  test('what is malformed gets an error, and the socket stays', async () => {
    const socket = await person.socket(session);
    for (const [what, frame, field] of malformed) {
      socket.send(frame);
      const { type, data } = await socket.next();
      assert.deepEqual([type, data.code, data.details], ['error', 'REQ001', field], what);
      assert.equal(typeof data.error, 'string');
    }
    socket.send({ type: 'typing' });
    socket.send({ type: 'ping', id: 7 });
    const pong = await socket.next();
    assert.deepEqual([pong.type, pong.id], ['pong', 7]);
    await socket.close();
  });

  test('in maintenance a message is refused with SYS001', async (t) => {
    const socket = await person.socket(session);
    const { maintenance } = parley.app.core;
    t.after(() => maintenance.set(false));
    await maintenance.set(true);
    socket.send(question('Hi', 'm'));
    const { type, id, data } = await socket.next();
    assert.deepEqual([type, id, data.code], ['error', 'm', 'SYS001']);
    await socket.close();
  });
});

describe('assistant: who may open a session’s socket', () => {
  /** The code of the error frame, and of the close. */
  const knock = async (at: string, headers: Record<string, string>, { wsUrl } = parley) => {
    const socket = await openSocket(`${wsUrl}/ws/chat/${at}`, { headers });
    const { type, data } = await socket.next();
    assert.equal(type, 'error');
    return [data.code, (await socket.closed).code];
  };

  test('nobody without a valid token: 4401', async () => {
    const token = await tokenOf(parley, 'mina');
    assert.deepEqual(await knock(`${session}`, {}), ['AUTH003', 4401]);
    assert.deepEqual(await knock(`${session}?token=nonsense`, {}), ['AUTH003', 4401]);
    assert.deepEqual(await knock(`${session}`, bearer(forge(token))), ['AUTH003', 4401]);
    assert.deepEqual(await knock(`${session}`, { 'x-api-key': await parley.key() }), ['AUTH004', 4401]);
  });

  test('one with a token in the address or the subprotocol, of any contract', async () => {
    for (const contract of ['assistant', 'companion'] as const) {
      const token = await tokenOf(parley, 'mina', contract);
      const url = `${parley.wsUrl}/ws/chat/${session}`;
      for (const opening of [
        openSocket(`${url}?token=${token}`),
        openSocket(url, { protocols: [`bearer.${token}`] }),
      ]) {
        const socket = await opening;
        socket.send({ type: 'ping' });
        assert.equal((await socket.next()).type, 'pong');
        await socket.close();
      }
    }
  });

  test('a session that is another’s, none, or no number: 4404', async () => {
    const stranger = await makePerson(parley, 'stranger');
    for (const at of [`${session}`, '999999', '99999999999999999999', 'abc', 'sess_1', '1.5', '-1', '%00']) {
      assert.deepEqual(await knock(at, stranger.headers), ['CHAT003', 4404], at);
    }
  });

  test('five at once; the sixth is told, and another’s are not counted', async (t) => {
    const limited = await startParley({ openAi: vendor.url, env: { PARLEY_RATE_LIMITS: 'on' } });
    t.after(() => limited.close());
    const mine = await makePerson(limited, 'mina');
    const own = await beginSession(mine);
    const sockets = await Promise.all(Array.from({ length: 5 }, () => mine.socket(own)));
    for (const socket of sockets) await settled(socket);
    assert.deepEqual(await knock(`${own}`, mine.headers, limited), ['RATE001', 4429]);
    const other = await makePerson(limited, 'other');
    const theirs = await other.socket(await beginSession(other));
    await settled(theirs);
    await theirs.close();
    await sockets[0]?.close();
    const next = await mine.socket(own);
    await settled(next);
    await Promise.all([...sockets.slice(1), next].map((socket) => socket.close()));
  });

  test('none of a session that is removed, or a login that is ended', async () => {
    const removed = await beginSession();
    const socket = await person.socket(removed);
    await settled(socket);
    await person.call('DELETE', `/chat/sessions/${removed}`);
    const { type, data } = await socket.next();
    assert.deepEqual([type, data.code], ['error', 'CHAT003']);
    assert.equal((await socket.closed).code, 4404);

    const token = await tokenOf(parley, 'mina');
    const last = await openSocket(`${parley.wsUrl}/ws/chat/${session}`, { headers: bearer(token) });
    last.send({ type: 'ping' });
    await last.next();
    await fetch(`${parley.url}/api/v1/logout`, { method: 'POST', headers: bearer(token) });
    assert.equal((await last.closed).code, 4401);
  });
});

describe('assistant: messages over a socket are chat calls', () => {
  test('the 61st of both together is refused, and the socket stays', async (t) => {
    const limited = await startParley({ env: { PARLEY_RATE_LIMITS: 'on' } });
    t.after(() => limited.close());
    const mina = await makePerson(limited, 'mina');
    const { body } = await mina.call('POST', '/chat', { message: 'Hello' });
    for (let call = 1; call < 59; call++) await mina.call('GET', '/chat/sessions');
    const socket = await mina.socket(body.session_id);
    socket.send(question('Sixty?'));
    await socket.until(hasEnded);
    socket.send(question('Sixty-one?', 'n'));
    const { type, id, data } = await socket.next();
    assert.deepEqual([type, id, data.code], ['error', 'n', 'RATE001']);
    assert.equal((await mina.call('GET', '/chat/sessions')).status, 429);
    assert.deepEqual(await settled(socket), []);
    await socket.close();
  });
});

describe('assistant: coming back with a cursor', () => {
  /** Asks from outside, and lets the vendor answer. */
  const exchange = async (content: string, answer: string) => {
    const answered = person.call('POST', '/chat', { message: content, session_id: session });
    const call = await vendor.next();
    await call.delta(answer);
    call.finish();
    return answered;
  };

  test('shows what was missed and nothing else, also from the cursor of a list', async () => {
    const { headers } = await person.call('GET', `/chat/sessions/${session}/messages`);
    const cursor = headers.get('x-feed-cursor');
    await exchange('Missed?', 'Missed.');
    await beginSession();
    const socket = await person.socket(session, `cursor=${cursor}`);
    const missed = await socket.until(hasEnded);
    assert.deepEqual(missed.map(gist), [
      ['user', 'sent', 'Missed?'],
      ['assistant', 'completed', 'Missed.'],
    ]);
    await socket.close();
    const half = await person.socket(session, `cursor=${missed[0]?.cursor}`);
    assert.deepEqual((await settled(half)).map(gist), [['assistant', 'completed', 'Missed.']]);
    await half.close();
    const all = await person.socket(session, `cursor=${missed[1]?.cursor}`);
    assert.deepEqual(await settled(all), []);
    await all.close();
  });

  test('in the middle of an answer goes on where it was, running or ended', async () => {
    const first = await person.socket(session, 'stream=true');
    first.send(question('Middle?'));
    const call = await vendor.next();
    await call.delta('One ');
    const seen = (await first.until(says('One '))).at(-1);
    assert.match(seen?.cursor ?? '', /^\d+:\d+:4$/u);
    await first.close();
    await call.delta('two ');
    const second = await person.socket(session, `stream=true&cursor=${seen?.cursor}`);
    const [typing, next] = await second.until(says('One two '));
    assert.equal(typing?.type, 'typing');
    assert.deepEqual([next?.data.delta, next?.data.offset], ['two ', 4]);
    await second.close();
    await call.delta('three');
    call.finish();
    await eventually(async () => {
      const path = `/chat/sessions/${session}/messages?limit=100`;
      const { body } = await person.call<MessageBody[]>('GET', path);
      return body.find(({ status, content }) => status === 'completed' && content === 'One two three');
    });
    const third = await person.socket(session, `stream=true&cursor=${next?.cursor}`);
    const rest = await third.until(isCompleted);
    assert.equal(rest.map(({ data }) => data.delta ?? '').join(''), 'three');
    assert.equal(rest.at(-1)?.data.content, 'One two three');
    await third.close();
  });

  test('one that is not known gets one reset, then what is on its way', async () => {
    for (const cursor of ['999999999', 'nonsense', '1:2', '1:2:3:4', '-1']) {
      const socket = await person.socket(session, `stream=true&cursor=${cursor}`);
      const [reset, ...others] = await settled(socket);
      assert.equal(reset?.type, 'reset', cursor);
      assert.match(reset.cursor ?? '', /^\d+$/u);
      assert.deepEqual(others, []);
      await socket.close();
    }
  });

  test('one that speaks of another’s turn, or of more than was said, gets nothing by it', async () => {
    const { headers } = await person.call('GET', `/chat/sessions/${session}/messages`);
    const feed = headers.get('x-feed-cursor');
    const forged = await person.socket(session, `stream=true&cursor=${feed}:2:0`);
    assert.deepEqual(await settled(forged), []);
    forged.send(question('Then?'));
    const call = await vendor.next();
    await call.delta('Then.');
    const typing = (await forged.until(says('Then.'))).find(isTyping);
    const beyond = await person.socket(session, `stream=true&cursor=${feed}:${typing?.data.id}:5000`);
    assert.equal((await beyond.until(says('Then.'))).at(-1)?.data.offset, 0);
    call.finish();
    await Promise.all([forged.until(hasEnded), beyond.until(hasEnded)]);
    await Promise.all([forged.close(), beyond.close()]);
  });

  const scripts = fc.record({
    pieces: fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }), {
      minLength: 1,
      maxLength: 8,
    }),
    cuts: fc.array(fc.nat(3), { maxLength: 6 }),
  });

  test('wherever the connection is cut, every message comes once, and every character', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, async ({ pieces, cuts }) => {
        const { headers } = await person.call('GET', `/chat/sessions/${session}/messages`);
        const seen = watch(headers.get('x-feed-cursor') ?? '', cuts);
        const answered = person.call('POST', '/chat', { message: 'Cut?', session_id: session });
        const call = await vendor.next();
        for (const piece of pieces) await call.delta(piece);
        call.finish();
        await answered;
        const frames = (await seen).filter(({ type }) => type === 'message');
        const whole = pieces.join('').toWellFormed();
        assert.equal(frames.map(({ data }) => data.delta ?? '').join(''), whole);
        const kept = frames.filter(({ data }) => data.status !== 'streaming');
        assert.deepEqual(kept.map(gist), [
          ['user', 'sent', 'Cut?'],
          ['assistant', 'completed', whole],
        ]);
      }),
      { numRuns: 60 },
    );
  });

  /** Everything that a client sees that is cut off after so many frames each time, until the answer. */
  async function watch(from: string, cuts: number[]): Promise<SessionFrame[]> {
    const seen: SessionFrame[] = [];
    let cursor = from;
    for (const after of [...cuts, Number.POSITIVE_INFINITY]) {
      const socket = await person.socket(session, `stream=true&cursor=${cursor}`);
      for (let frame = 0; frame <= after && !seen.some(hasEnded); frame++) {
        const next = await socket.next();
        seen.push(next);
        cursor = next.cursor ?? cursor;
      }
      await socket.close();
    }
    return seen;
  }
});

describe('assistant: a message that is removed', () => {
  const isRemoved = ({ type }: SessionFrame) => type === 'message_removed';
  const remove = async (messageId: number) => {
    const token = person.headers['authorization']?.slice('Bearer '.length) ?? '';
    const caller = await parley.app.core.accounts.identify(token, '127.0.0.1');
    await parley.app.core.conversations.removeMessage(caller, messageId);
  };

  test('is told to the session, and is in no list and no count any more', async () => {
    const id = await beginSession();
    const [first, second] = (await person.call<MessageBody[]>('GET', `/chat/sessions/${id}/messages`)).body;
    const socket = await person.socket(id);
    await settled(socket);
    await remove(first?.id ?? 0);
    const { type, data, cursor } = await socket.next();
    assert.deepEqual([type, data], ['message_removed', { id: first?.id }]);
    const { body } = await person.call<MessageBody[]>('GET', `/chat/sessions/${id}/messages`);
    assert.deepEqual(
      body.map((message) => message.id),
      [second?.id],
    );
    const shown = await person.call<SessionBody>('GET', `/chat/sessions/${id}`);
    assert.equal(shown.body.message_count, 1);
    const again = await person.socket(id, `cursor=${cursor}`);
    assert.deepEqual(await settled(again), []);
    await Promise.all([socket.close(), again.close()]);
  });

  for (const query of ['', 'stream=true']) {
    test(`on its way is heard no more, and the next is, ${query}`, async () => {
      const id = await beginSession();
      const socket = await person.socket(id, query);
      const cursor = (await settled(socket), socket.send({ type: 'ping' }), await socket.next()).cursor;
      socket.send(question('Why?'));
      const call = await vendor.next();
      const typing = (await socket.until(isTyping)).at(-1);
      socket.send(question('And how?'));
      await socket.until(says('And how?'));
      await remove(typing?.data.id ?? 0);
      await call.closed;
      const next = await vendor.next();
      await next.delta('Thus.');
      next.finish();
      const frames = await socket.until(isCompleted);
      const [gone, ...others] = frames.filter(isRemoved);
      assert.deepEqual([gone?.data, others], [{ id: typing?.data.id }, []]);
      const begun = frames.filter(isTyping).map(({ data }) => data.id);
      assert.deepEqual(begun, [frames.at(-1)?.data.id]);
      assert.equal(frames.at(-1)?.data.content, 'Thus.');
      // Who was away is told of the question, and that its answer is gone.
      const late = await person.socket(id, `${query}&cursor=${cursor}`);
      const missed = await settled(late);
      assert.deepEqual(
        missed
          .filter(({ data }) => data.status !== 'streaming')
          .map(({ type, data }) => [type, data.content]),
        [
          ['message', 'Why?'],
          ['message', 'And how?'],
          ['message_removed', undefined],
          ['message', 'Thus.'],
        ],
      );
      await Promise.all([socket.close(), late.close()]);
    });
  }
});
