import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import {
  allTurnFrames,
  makePerson,
  textIn,
  turnFrames,
  type ErrorAnswer,
  type MessageBody,
  type Person,
  type TurnFrame,
} from '../../../../test/support/assistant.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import {
  startScriptedVendor,
  type ScriptedVendor,
  type VendorCall,
} from '../../../../test/support/vendor.ts';

let parley: Parley;
let vendor: ScriptedVendor;
let person: Person;

before(async () => {
  vendor = await startScriptedVendor();
  parley = await startParley({ openAi: vendor.url, env: { PARLEY_FALLBACK: 'off' } });
  person = await makePerson(parley, 'mina');
});
after(async () => {
  await parley.close();
  await vendor.close();
});

/** A session with one exchange in it. */
async function beginSession(): Promise<number> {
  const answered = person.call('POST', '/chat', { message: 'Hello' });
  (await vendor.next()).finish();
  return (await answered).body.session_id;
}

const pathOf = (session: number) => `/chat/sessions/${session}/stream`;

/** A question whose answer is on its way. */
async function ask(session: number): Promise<{ call: VendorCall; frames: AsyncGenerator<TurnFrame> }> {
  const response = await person.open('POST', pathOf(session), { message: 'Why?' });
  return { call: await vendor.next(), frames: turnFrames(response) };
}

/** Frames until one has the text `last`. */
async function read(frames: AsyncGenerator<TurnFrame>, last: string): Promise<TurnFrame[]> {
  const seen: TurnFrame[] = [];
  while (!textIn(seen).endsWith(last)) {
    const { value, done } = await frames.next();
    assert.notEqual(done, true);
    seen.push(value as TurnFrame);
  }
  return seen;
}

const resume = (session: number, id: string | undefined, method = 'POST') =>
  person.open(method, pathOf(session), undefined, { 'last-event-id': id ?? '' });

describe('assistant: an answer as events', () => {
  let session: number;
  before(async () => {
    session = await beginSession();
  });

  test('begins, goes on, and ends, each event with where the next begins', async () => {
    const { call, frames } = await ask(session);
    await call.delta('Be');
    const seen = await read(frames, 'Be');
    await call.delta('cause 🙂');
    call.finish();
    seen.push(...(await Array.fromAsync(frames)));
    const [start] = seen;
    const turn = start?.data.turn_id;
    assert.deepEqual(start, {
      id: `${turn}:0`,
      data: { type: 'start', session_id: session, message_id: turn, turn_id: turn },
    });
    assert.deepEqual(seen.slice(1, -1), [
      { id: `${turn}:2`, data: { type: 'delta', content: 'Be', offset: 0 } },
      { id: `${turn}:10`, data: { type: 'delta', content: 'cause 🙂', offset: 2 } },
    ]);
    const done = seen.at(-1);
    assert.equal(done?.id, `${turn}:10`);
    assert.equal(done.data.type, 'done');
    assert.equal(done.data.session_id, session);
    assert.equal(done.data.total_tokens, 25);
    const { content, status, id } = done.data.message ?? {};
    assert.deepEqual([content, status, id], ['Because 🙂', 'completed', turn]);
  });

  test('one who lost it goes on exactly there, while it is made and after it has ended', async () => {
    const { call, frames } = await ask(session);
    await call.delta('One ');
    const seen = await read(frames, 'One ');
    await frames.return(undefined);
    await call.delta('two ');
    const asked = vendor.count();
    for (const method of ['POST', 'GET']) {
      const again = turnFrames(await resume(session, seen.at(-1)?.id, method));
      assert.equal(textIn(await read(again, 'two ')), 'two ');
      await again.return(undefined);
    }
    await call.delta('three');
    call.finish();
    const ended = await allTurnFrames(await resume(session, seen.at(-1)?.id));
    assert.equal(textIn(ended), 'two three');
    assert.equal(ended.at(-1)?.data.message?.content, 'One two three');
    const nothing = await allTurnFrames(await resume(session, ended.at(-1)?.id));
    assert.deepEqual(
      nothing.map(({ data }) => data.type),
      ['start', 'done'],
    );
    assert.equal(vendor.count(), asked, 'nothing was asked anew');
  });

  test('an id wins over a message, and may stand in the address', async () => {
    const { call, frames } = await ask(session);
    await call.delta('Only once.');
    const seen = await read(frames, 'Only once.');
    const asked = vendor.count();
    const id = seen[0]?.id ?? '';
    const body = { message: 'Why?' };
    const again = await person.open('POST', pathOf(session), body, { 'last-event-id': id });
    const third = await person.open('GET', `${pathOf(session)}?last_event_id=${id}`);
    call.finish();
    assert.equal(textIn(await allTurnFrames(again)), 'Only once.');
    assert.equal(textIn(await allTurnFrames(third)), 'Only once.');
    assert.equal(vendor.count(), asked);
  });

  test('one who goes on may send the content type of a body that is not there', async () => {
    const { call, frames } = await ask(session);
    const { value: start } = await frames.next();
    const headers = { 'last-event-id': (start as TurnFrame).id ?? '', 'content-type': 'application/json' };
    const again = await person.open('POST', pathOf(session), '', headers);
    await call.delta('Here.');
    call.finish();
    assert.equal(textIn(await allTurnFrames(again)), 'Here.');
    await Array.fromAsync(frames);
  });

  test('a late joiner gets what it missed, and two hear the same', async () => {
    const { call, frames } = await ask(session);
    await call.delta('Early. ');
    const early = await read(frames, 'Early. ');
    const late = turnFrames(await person.open('POST', pathOf(session)));
    const joined = await read(late, 'Early. ');
    await call.delta('Late.');
    call.finish();
    early.push(...(await Array.fromAsync(frames)));
    joined.push(...(await Array.fromAsync(late)));
    assert.equal(textIn(early), 'Early. Late.');
    assert.equal(textIn(joined), 'Early. Late.');
    assert.deepEqual(early.at(-1), joined.at(-1));
  });

  test('under one key it is asked once, and told twice', async () => {
    const key = { 'idempotency-key': 'stream-1' };
    const body = { message: 'Once?' };
    const one = person.open('POST', pathOf(session), body, key);
    const call = await vendor.next();
    const asked = vendor.count();
    const other = await person.open('POST', pathOf(session), body, key);
    assert.equal(other.headers.get('idempotent-replayed'), 'true');
    await call.delta('Once.');
    call.finish();
    assert.equal(textIn(await allTurnFrames(await one)), 'Once.');
    assert.equal(textIn(await allTurnFrames(other)), 'Once.');
    assert.equal(vendor.count(), asked);
  });

  test('a stop ends it as cancelled, with what was said', async () => {
    const { call, frames } = await ask(session);
    await call.delta('Half');
    await read(frames, 'Half');
    await person.call('POST', `/chat/sessions/${session}/stop`);
    const [end] = await Array.fromAsync(frames);
    assert.equal(end?.data.type, 'done');
    assert.deepEqual([end.data.message?.status, end.data.message?.content], ['cancelled', 'Half']);
  });

  test('a failure is the last event, after what was said', async () => {
    const { call, frames } = await ask(session);
    await call.delta('Broken');
    const seen = await read(frames, 'Broken');
    call.destroy();
    seen.push(...(await Array.fromAsync(frames)));
    assert.equal(textIn(seen), 'Broken');
    const last = seen.at(-1)?.data;
    assert.equal(last?.type, 'error');
    assert.equal(last.error?.code, 'CHAT002');
    assert.equal(typeof last.error?.details, 'string');
  });

  test('is heard no more by one whose login ends, and goes on without them', async () => {
    const { accounts } = parley.app.core;
    const leaving = await makePerson(parley, 'leaving');
    const { id } = (await accounts.find('leaving')) ?? assert.fail('there is no such account');
    const response = await leaving.open('POST', '/chat', { message: 'Why?', stream: true });
    const call = await vendor.next();
    const frames = turnFrames(response);
    await call.delta('Seen');
    const [begun] = await read(frames, 'Seen');
    await accounts.setPassword(id, 'another long password');
    const [last, ...rest] = await Array.fromAsync(frames);
    assert.deepEqual([last?.data.type, last?.data.error?.code, rest], ['error', 'AUTH003', []]);
    await call.delta(', unseen');
    call.finish();
    const caller = { kind: 'user', ip: '', userId: id, loginId: 0, contract: '', role: 'user' } as const;
    const turn = begun?.data.turn_id ?? 0;
    const answer = await parley.app.core.turns.result(caller, turn, new AbortController().signal);
    assert.deepEqual([answer.state, answer.content], ['completed', 'Seen, unseen']);
  });

  test('with nothing on its way it is 404 CHAT003', async () => {
    for (const method of ['POST', 'GET']) {
      const { status, body } = await person.call<ErrorAnswer>(method, pathOf(session));
      assert.deepEqual([status, body.error.code], [404, 'CHAT003'], method);
    }
  });

  test('another’s is 404 CHAT003, by session and by turn', async () => {
    const { call, frames } = await ask(session);
    const stranger = await makePerson(parley, 'stranger');
    const { value: start } = await frames.next();
    const id = { 'last-event-id': (start as TurnFrame).id ?? '' };
    for (const [method, body, headers] of [
      ['GET', undefined, {}],
      ['POST', { message: 'Hi' }, {}],
      ['POST', undefined, id],
    ] as const) {
      const { status, body: refusal } = await stranger.call(method, pathOf(session), body, headers);
      assert.deepEqual([status, refusal.error.code], [404, 'CHAT003']);
    }
    const elsewhere = await beginOtherSession();
    const { status } = await person.call('GET', pathOf(elsewhere), undefined, id);
    assert.equal(status, 404, 'a turn is heard in its own session');
    call.finish();
    await Array.fromAsync(frames);
  });

  for (const id of ['x', '1', '1:', ':1', '1:2:3', '-1:0', '1:1.5', 'a b']) {
    test(`an id that cannot be one, ${JSON.stringify(id)}, is 400`, async () => {
      const { status, body } = await person.call('GET', pathOf(session), undefined, { 'last-event-id': id });
      assert.deepEqual([status, body.error.code, body.error.details], [400, 'REQ001', 'Last-Event-ID']);
    });
  }

  test('the id of a question is none of a turn', async () => {
    const path = `/chat/sessions/${session}/messages`;
    const { body: messages } = await person.call<MessageBody[]>('GET', path);
    const question = { 'last-event-id': `${messages[0]?.id}:0` };
    const { status, body } = await person.call('GET', pathOf(session), undefined, question);
    assert.deepEqual([messages[0]?.role, status, body.error.code], ['user', 400, 'REQ001']);
  });

  test('an id beyond what was said is 400', async () => {
    const { call, frames } = await ask(session);
    await call.delta('Short.');
    const [start] = await read(frames, 'Short.');
    const beyond = { 'last-event-id': (start?.id ?? '').replace(/0$/u, '7') };
    const { status } = await person.call('GET', pathOf(session), undefined, beyond);
    assert.equal(status, 400);
    call.finish();
  });

  test('the session must be a number, and the message a text', async () => {
    assert.equal((await person.call('POST', '/chat/sessions/x/stream', { message: 'Hi' })).status, 404);
    const { status, body } = await person.call('POST', pathOf(session), { message: 7 });
    assert.deepEqual([status, body.error.details], [400, 'message']);
  });
});

async function beginOtherSession(): Promise<number> {
  const other = await person.open('POST', '/chat', { message: 'Other', stream: true });
  const { value } = await turnFrames(other).next();
  (await vendor.next()).finish();
  return (value as TurnFrame).data.session_id ?? 0;
}

/** What a client does that reads one event more, or cuts the connection and comes back. */
const scripts = fc.record({
  pieces: fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }), {
    minLength: 1,
    maxLength: 8,
  }),
  cuts: fc.array(fc.nat(2), { maxLength: 6 }),
});

test('assistant: not a character is lost or doubled, wherever the connection is cut', async () => {
  const session = await beginSession();
  await fc.assert(
    fc.asyncProperty(scripts, async ({ pieces, cuts }) => {
      const { call, frames } = await ask(session);
      const heard = listen(session, frames, cuts);
      for (const piece of pieces) await call.delta(piece);
      call.finish();
      const seen = await heard;
      const whole = pieces.join('').toWellFormed();
      assert.equal(textIn(seen), whole);
      assert.equal(seen.at(-1)?.data.type, 'done');
      assert.equal(seen.at(-1)?.data.message?.content, whole);
    }),
    { numRuns: 60 },
  );
});

/** Everything that a client sees that is cut off after so many events each time, until the end. */
async function listen(
  session: number,
  first: AsyncGenerator<TurnFrame>,
  cuts: number[],
): Promise<TurnFrame[]> {
  const seen: TurnFrame[] = [];
  let frames = first;
  for (const after of cuts) {
    for (let event = 0; event <= after; event++) {
      const { value, done } = await frames.next();
      if (done === true) return seen;
      seen.push(value);
    }
    await frames.return(undefined);
    if (seen.at(-1)?.data.type === 'done') return seen;
    frames = turnFrames(await resume(session, seen.at(-1)?.id));
  }
  for await (const frame of frames) seen.push(frame);
  return seen;
}
