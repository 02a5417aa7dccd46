import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import {
  allReplyEvents,
  contentOf,
  makeStudio,
  replyEvents,
  textIn,
  type ReplyEvent,
  type Studio,
} from '../../../../test/support/studio.ts';
import {
  startScriptedVendor,
  type ScriptedVendor,
  type VendorCall,
} from '../../../../test/support/vendor.ts';

let parley: Parley;
let vendor: ScriptedVendor;
let mina: Studio;
let conversation: number;

before(async () => {
  vendor = await startScriptedVendor();
  parley = await startParley({ dashScope: vendor.url, env: { PARLEY_FALLBACK: 'off' } });
  mina = await makeStudio(parley, 'mina');
  conversation = await mina.begin();
});
after(async () => {
  await parley.close();
  await vendor.close();
});

const pathOf = (id: number) => `/conversations/${id}/messages/stream`;
const why = { content: contentOf('Why?') };

/** A message whose reply is on its way. */
async function ask(
  id = conversation,
  headers = {},
): Promise<{ call: VendorCall; events: AsyncGenerator<ReplyEvent> }> {
  const response = await mina.open('POST', pathOf(id), why, headers);
  return { call: await vendor.next(), events: replyEvents(response) };
}

/** Events until one ends with the text `last`. */
async function read(events: AsyncGenerator<ReplyEvent>, last: string): Promise<ReplyEvent[]> {
  const seen: ReplyEvent[] = [];
  while (!textIn(seen).endsWith(last)) {
    const { value, done } = await events.next();
    assert.notEqual(done, true);
    seen.push(value as ReplyEvent);
  }
  return seen;
}

const resume = (id: string | undefined, method = 'POST') =>
  mina.open(method, pathOf(conversation), undefined, { 'last-event-id': id ?? '' });

describe('studio: a reply as events', () => {
  test('begins, goes on, and ends with the message, each event with where the next begins', async () => {
    const { call, events } = await ask();
    await call.delta('Be');
    const seen = await read(events, 'Be');
    await call.delta('cause 🙂');
    call.finish();
    seen.push(...(await Array.fromAsync(events)));
    const { messages } = await mina.history(conversation);
    const [asked, reply] = messages.slice(-2);
    const id = reply?.message_id;
    assert.deepEqual(seen, [
      {
        id: `${id}:0`,
        data: {
          type: 'start',
          conversation_id: conversation,
          message_id: asked?.message_id,
          reply_id: id,
        },
      },
      { id: `${id}:2`, data: { type: 'delta', content: 'Be', offset: 0 } },
      { id: `${id}:10`, data: { type: 'delta', content: 'cause 🙂', offset: 2 } },
      { id: `${id}:10`, data: { type: 'done', reply } },
    ]);
    assert.deepEqual(reply?.content, contentOf('Because 🙂'));
  });

  test('one who lost it goes on at every offset, while it is made and after it has ended', async () => {
    const whole = 'One two three';
    const { call, events } = await ask();
    await call.delta('One two ');
    const [start] = await read(events, 'One two ');
    await events.return(undefined);
    const asked = vendor.count();
    const at = (offset: number) => `${start?.data.reply_id}:${offset}`;
    const during = await Promise.all(
      Array.from({ length: 9 }, async (_, offset) =>
        replyEvents(await resume(at(offset), offset % 2 === 0 ? 'POST' : 'GET')),
      ),
    );
    await call.delta('three');
    call.finish();
    for (const [offset, each] of during.entries()) {
      assert.equal(textIn(await Array.fromAsync(each)), whole.slice(offset));
    }
    for (let offset = 0; offset <= whole.length; offset++) {
      const ended = await allReplyEvents(await resume(at(offset), 'GET'));
      assert.equal(textIn(ended), whole.slice(offset));
      assert.equal(ended[0]?.data.message_id, start?.data.message_id);
      assert.deepEqual(ended.at(-1)?.data.reply?.content, contentOf(whole));
    }
    assert.equal(vendor.count(), asked, 'nothing was asked anew');
    assert.equal((await resume(at(whole.length + 1), 'GET')).status, 400);
  });

  test('an id wins over a message, and may stand in the address', async () => {
    const { call, events } = await ask();
    await call.delta('Only once.');
    const [start] = await read(events, 'Only once.');
    const asked = vendor.count();
    const id = start?.id ?? '';
    const again = await mina.open('POST', pathOf(conversation), why, { 'last-event-id': id });
    const third = await mina.open('GET', `${pathOf(conversation)}?last_event_id=${id}`);
    call.finish();
    assert.equal(textIn(await allReplyEvents(again)), 'Only once.');
    assert.equal(textIn(await allReplyEvents(third)), 'Only once.');
    assert.equal(vendor.count(), asked);
  });

  test('a late joiner without an id hears it from its beginning, by either method', async () => {
    const { call, events } = await ask();
    await call.delta('Early. ');
    const early = await read(events, 'Early. ');
    const late = await Promise.all(
      ['POST', 'GET'].map(async (method) => replyEvents(await mina.open(method, pathOf(conversation)))),
    );
    for (const each of late) assert.equal(textIn(await read(each, 'Early. ')), 'Early. ');
    await call.delta('Late.');
    call.finish();
    early.push(...(await Array.fromAsync(events)));
    for (const each of late) assert.deepEqual((await Array.fromAsync(each)).at(-1), early.at(-1));
  });

  test('one who goes on may send the content type of a body that is not there', async () => {
    const { call, events } = await ask();
    const { value: start } = await events.next();
    const headers = { 'last-event-id': (start as ReplyEvent).id ?? '', 'content-type': 'application/json' };
    const again = await mina.open('POST', pathOf(conversation), '', headers);
    await call.delta('Here.');
    call.finish();
    assert.equal(textIn(await allReplyEvents(again)), 'Here.');
    await Array.fromAsync(events);
  });

  test('the reply is made when nobody listens any more', async () => {
    const leaving = new AbortController();
    const response = await mina.open('POST', pathOf(conversation), why, {}, leaving.signal);
    const events = replyEvents(response);
    const call = await vendor.next();
    await call.delta('Alone');
    const [start] = await read(events, 'Alone');
    leaving.abort();
    await assert.rejects(Array.fromAsync(events));
    await call.delta(' in the dark');
    call.finish();
    const ended = await allReplyEvents(await resume(start?.id));
    assert.deepEqual(ended.at(-1)?.data.reply?.content, contentOf('Alone in the dark'));
  });

  test('under one key it is asked once, and told twice', async () => {
    const key = { 'idempotency-key': 'stream-1' };
    const asked = vendor.count();
    const both = await Promise.all([1, 2].map(() => mina.open('POST', pathOf(conversation), why, key)));
    const call = await vendor.next();
    await call.delta('Once.');
    call.finish();
    const [one, two] = await Promise.all(both.map(allReplyEvents));
    assert.equal(textIn(one ?? []), 'Once.');
    assert.deepEqual(one?.at(-1), two?.at(-1));
    const repeats = both.filter(({ headers }) => headers.get('idempotent-replayed') === 'true');
    assert.equal(repeats.length, 1);
    assert.equal(vendor.count(), asked + 1);
  });

  test('a stop ends it with what was said, and status 1', async () => {
    const { call, events } = await ask();
    await call.delta('Half');
    await read(events, 'Half');
    await mina.call('POST', `/conversations/${conversation}/stop`);
    const [end] = await Array.fromAsync(events);
    assert.equal(end?.data.type, 'done');
    const { state, status, content } = end.data.reply ?? {};
    assert.deepEqual([state, status, content], ['cancelled', 1, contentOf('Half')]);
  });

  for (const what of ['the reply', 'the message', 'the conversation']) {
    test(`the deletion of ${what} ends it`, async () => {
      const own = await mina.begin();
      const { call, events } = await ask(own);
      await call.delta('Half');
      const [start] = await read(events, 'Half');
      const { reply_id, message_id } = start?.data ?? {};
      const paths = {
        'the reply': `/messages/${reply_id}`,
        'the message': `/messages/${message_id}`,
        'the conversation': `/conversations/${own}`,
      };
      const { status } = await mina.call('DELETE', paths[what as keyof typeof paths]);
      assert.equal(status, 200);
      await call.closed;
      const [end, ...rest] = await Array.fromAsync(events);
      assert.deepEqual(rest, []);
      assert.equal(end?.data.type, 'done');
      assert.equal(end.data.reply?.state, 'cancelled');
    });
  }

  test('a failure is the last event, with code and message in the client’s language', async () => {
    for (const language of ['zh', 'en']) {
      const { call, events } = await ask(conversation, { 'accept-language': language });
      await call.delta('Broken');
      const seen = await read(events, 'Broken');
      call.destroy();
      seen.push(...(await Array.fromAsync(events)));
      const { type, code, message = '' } = seen.at(-1)?.data ?? {};
      assert.deepEqual([textIn(seen), type, code], ['Broken', 'error', 503]);
      assert.equal(/\p{Script=Han}/u.test(message), language === 'zh', message);
    }
  });

  test('is heard no more by one whose login ends, and goes on without them', async () => {
    const leaving = await makeStudio(parley, 'leaving');
    const own = await leaving.begin();
    const events = replyEvents(await leaving.open('POST', pathOf(own), why));
    const call = await vendor.next();
    await call.delta('Seen');
    const [begun] = await read(events, 'Seen');
    await parley.app.core.accounts.setPassword(leaving.id, 'another long password');
    const [last, ...rest] = await Array.fromAsync(events);
    assert.deepEqual([last?.data.type, last?.data.code, rest], ['error', 401, []]);
    await call.delta(', unseen');
    call.finish();
    const caller = {
      kind: 'user',
      ip: '',
      userId: leaving.id,
      loginId: 0,
      contract: '',
      role: 'user',
    } as const;
    const turn = begun?.data.reply_id ?? 0;
    const answer = await parley.app.core.turns.result(caller, turn, new AbortController().signal);
    assert.deepEqual([answer.state, answer.content], ['completed', 'Seen, unseen']);
  });

  test('with nothing on its way it is 404', async () => {
    for (const method of ['POST', 'GET']) {
      const { status, body } = await mina.call(method, pathOf(conversation));
      assert.deepEqual([status, body.code, body.data], [404, 404, null], method);
    }
  });

  test('another’s is 403, by conversation and by turn; what is not there is 404', async () => {
    const { call, events } = await ask();
    const other = await makeStudio(parley, 'other');
    const { value: start } = await events.next();
    const id = { 'last-event-id': (start as ReplyEvent).id ?? '' };
    for (const [method, body, headers] of [
      ['GET', undefined, {}],
      ['POST', why, {}],
      ['POST', undefined, id],
    ] as const) {
      const { status, body: refusal } = await other.call(method, pathOf(conversation), body, headers);
      assert.deepEqual([status, refusal.code], [403, 403]);
    }
    for (const elsewhere of [await mina.begin(), 999_999]) {
      const { status } = await mina.call('GET', pathOf(elsewhere), undefined, id);
      assert.equal(status, 404, 'a reply is heard in its own conversation');
    }
    call.finish();
    await Array.fromAsync(events);
  });

  for (const id of ['x', '1', '1:', ':1', '1:2:3', '-1:0', '1:1.5', 'a b']) {
    test(`an id that cannot be one, ${JSON.stringify(id)}, is 400`, async () => {
      const headers = { 'last-event-id': id };
      const { status, body } = await mina.call('GET', pathOf(conversation), undefined, headers);
      assert.equal(status, 400);
      assert.ok(body.message.includes('Last-Event-ID'), body.message);
    });
  }

  test('the id of a message of one’s own is none of a reply', async () => {
    const [asked] = (await mina.history(conversation)).messages;
    const { status } = await mina.call('GET', pathOf(conversation), undefined, {
      'last-event-id': `${asked?.message_id}:0`,
    });
    assert.deepEqual([asked?.role, status], ['user', 400]);
  });

  test('what is wrong with a message is 400, and names the field', async () => {
    for (const [body, field] of [
      [{}, 'content'],
      [{ content: [] }, 'content'],
      [{ content: [{ type: 'text' }] }, 'content.0.text'],
    ] as const) {
      const { status, body: refusal } = await mina.call('POST', pathOf(conversation), body);
      assert.equal(status, 400);
      assert.ok(refusal.message.includes(field), refusal.message);
    }
  });
});

/** What a client does that reads one event more, or cuts the connection and comes back. */
const scripts = fc.record({
  pieces: fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }), {
    minLength: 1,
    maxLength: 8,
  }),
  cuts: fc.array(fc.nat(2), { maxLength: 6 }),
});

test('studio: not a character is lost or doubled, wherever the connection is cut', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, async ({ pieces, cuts }) => {
      const { call, events } = await ask();
      const heard = listen(events, cuts);
      for (const piece of pieces) await call.delta(piece);
      call.finish();
      const seen = await heard;
      const whole = pieces.join('').toWellFormed();
      assert.equal(textIn(seen), whole);
      assert.deepEqual(seen.at(-1)?.data.reply?.content, contentOf(whole));
    }),
    { numRuns: 60 },
  );
});

/** Everything that a client sees that is cut off after so many events each time, until the end. */
async function listen(first: AsyncGenerator<ReplyEvent>, cuts: number[]): Promise<ReplyEvent[]> {
  const seen: ReplyEvent[] = [];
  let events = first;
  for (const after of cuts) {
    for (let event = 0; event <= after; event++) {
      const { value, done } = await events.next();
      if (done === true) return seen;
      seen.push(value);
    }
    await events.return(undefined);
    if (seen.at(-1)?.data.type === 'done') return seen;
    events = replyEvents(await resume(seen.at(-1)?.id));
  }
  for await (const event of events) seen.push(event);
  return seen;
}
