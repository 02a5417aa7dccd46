import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startHelpdesk, type Helpdesk } from './support/desk.ts';
import { eventually } from './support/eventually.ts';
import { sendMessage, type MessageBody as DeskMessage } from './support/helpdesk.ts';
import {
  allReplyEvents,
  contentOf,
  makeStudio,
  type MessageBody,
  type Studio,
  type WirePart,
} from './support/studio.ts';
import { startScriptedVendor, type ScriptedVendor } from './support/vendor.ts';

/** One pixel, and its bytes. */
const base64 =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const png = `data:image/png;base64,${base64}`;
const cat = 'https://example.com/cat.png';

let desk: Helpdesk;
let vendor: ScriptedVendor;
let made = 0;

before(async () => {
  vendor = await startScriptedVendor();
  desk = await startHelpdesk({ dashScope: vendor.url, env: { PARLEY_FALLBACK: 'off' } });
});
after(async () => {
  await desk.parley.close();
  await vendor.close();
});

/** A customer with a conversation, and a reply on its way in it. */
async function begin(content: string | WirePart[] = 'Tell me all') {
  const mina = await makeStudio(desk.parley, `mina-${++made}`);
  const id = await mina.begin();
  const question = await mina.send(id, content);
  return { mina, id, question, call: await vendor.next() };
}

/** Ann takes the conversation; resolves to the id by which the helpdesk calls it. */
async function take(id: number): Promise<string> {
  return (await desk.ann.ask('POST', `/conversations/${id}/assign`)).session_id;
}

const gist = ({ role, sender_type, status, content }: MessageBody) => [
  sender_type ?? role,
  status,
  content.map((part) => part.text ?? part.type).join('|'),
];

/** What the history has; of all pages of any size the same. */
async function historyOf(mina: Studio, id: number) {
  const { messages, pagination, pending } = await mina.history(id, '?limit=100');
  assert.equal(pagination.total, messages.length);
  for (const limit of [1, 2]) {
    const pages: MessageBody[] = [];
    for (let page = 1; page <= Math.ceil(messages.length / limit); page++) {
      pages.push(...(await mina.history(id, `?limit=${limit}&page=${page}`)).messages);
    }
    assert.deepEqual(pages, messages);
  }
  assert.deepEqual(pending, []);
  return messages.map(gist);
}

describe('a takeover of a studio conversation', () => {
  test('before a word was said: whoever waits, or hears the stream, gets no reply, and the history has none that failed', async () => {
    const { mina, id, call } = await begin();
    const body = { content: contentOf('And this?') };
    const path = `/conversations/${id}/messages`;
    const key = { 'idempotency-key': 'w' };
    const waiting = mina.exchange(id, 'And this?', key);
    const heard = mina
      .open('POST', `${path}/stream`, { content: contentOf('And that?') })
      .then(allReplyEvents);
    await eventually(async () => ((await mina.history(id)).pending.length === 3 ? true : undefined));
    const sessionId = await take(id);
    await call.closed;
    const { reply, ...question } = await waiting;
    assert.deepEqual([reply, gist(question)], [null, ['user', 1, 'And this?']]);
    const again = await mina.call('POST', `${path}?wait=true`, body, key);
    assert.deepEqual(again.body.data, { ...question, reply: null });
    const done = (await heard).at(-1)?.data;
    assert.deepEqual(done, { type: 'done', reply: null });
    await sendMessage(desk.parley, sessionId, 'I am Ann.', desk.ann.headers);
    const history = await historyOf(mina, id);
    assert.deepEqual(history.slice(0, 1), [['user', 1, 'Tell me all']]);
    const asked = new Set(history.slice(1, 3).map((message) => message.join(' ')));
    assert.deepEqual(asked, new Set(['user 1 And this?', 'user 1 And that?']));
    assert.deepEqual(history.slice(3), [['human', 1, 'I am Ann.']]);
  });

  test('in the middle of a reply keeps what was said; the person’s messages are the assistant’s, by nobody', async () => {
    const { mina, id, call } = await begin();
    const watched = await mina.open('GET', `/conversations/${id}/messages/stream`);
    await call.delta('Part');
    const events = allReplyEvents(watched);
    await eventually(async () => {
      const { body } = await mina.call<{ content: string }[]>('GET', `/v1/chat/sessions/${id}/messages`);
      return (body as unknown as { content: string }[]).at(-1)?.content === 'Part' ? true : undefined;
    });
    const sessionId = await take(id);
    const last = (await events).at(-1)?.data;
    assert.deepEqual([last?.type, last?.reply?.state, last?.reply?.status], ['done', 'cancelled', 1]);
    await sendMessage(desk.parley, sessionId, 'I am Ann.', desk.ann.headers);
    const { messages } = await mina.history(id);
    const [, part, person] = messages;
    assert.deepEqual(part?.content, contentOf('Part'));
    assert.deepEqual(
      [person?.role, person?.user_id, person?.sender_type, person?.status, person?.content],
      ['assistant', 0, 'human', 1, contentOf('I am Ann.')],
    );
    const { reply, ...thanks } = await mina.exchange(id, 'Thank you');
    assert.equal(reply, null);
    const [start, end] = await allReplyEvents(
      await mina.open('POST', `/conversations/${id}/messages/stream`, { content: contentOf('Bye') }),
    );
    assert.deepEqual([start?.data.reply_id, end?.data], [null, { type: 'done', reply: null }]);
    assert.deepEqual((await historyOf(mina, id)).slice(3), [gist(thanks), ['user', 1, 'Bye']]);
    await desk.ann.ask('PATCH', `/conversations/${id}`, { status: 'resolved' });
    const back = mina.exchange(id, 'Once more');
    const next = await vendor.next();
    await next.delta('Yes.');
    next.finish();
    assert.deepEqual((await back).reply?.content, contentOf('Yes.'));
  });

  test('shows staff which image is meant', async () => {
    const content = [
      { type: 'text', text: 'Which is better?' },
      { type: 'image_url', image_url: { url: cat } },
      { type: 'image_url', image_url: { url: png } },
    ];
    const { mina, id, call } = await begin(content);
    await take(id);
    await call.closed;
    await mina.send(id, content);
    const { messages } = await desk.ann.ask<{ messages: (DeskMessage & { parts?: unknown })[] }>(
      'GET',
      `/conversations/${id}/messages`,
    );
    const asked = messages.filter(({ sender_type }) => sender_type === 'user');
    assert.equal(asked.length, 2);
    for (const message of asked) {
      assert.equal(message.content, `Which is better?\n[image: ${cat}]\n[image]`);
      assert.deepEqual(message.parts, [
        { type: 'text', text: 'Which is better?' },
        { type: 'image', url: cat },
        { type: 'image', bytes: Buffer.from(base64, 'base64').length },
      ]);
      const whole = await desk.ann.ask<DeskMessage & { parts?: unknown }>(
        'GET',
        `/conversations/${id}/messages/${message.id}`,
      );
      const { parts, ...rest } = whole;
      const { parts: _, ...listed } = message;
      assert.deepEqual(rest, listed);
      assert.deepEqual(parts, [
        { type: 'text', text: 'Which is better?' },
        { type: 'image', url: cat },
        { type: 'image', url: png },
      ]);
      const elsewhere = await mina.begin();
      const refused = await desk.ann.refused('GET', `/conversations/${elsewhere}/messages/${message.id}`);
      assert.equal(refused.status, 404);
    }
  });
});
