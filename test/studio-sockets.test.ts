import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { personWith, type MessageBody, type Person, type SessionFrame } from './support/assistant.ts';
import { bearer } from './support/accounts.ts';
import { startParley, type Parley } from './support/parley.ts';
import { openSocket } from './support/socket.ts';
import { contentOf, makeStudio, studioToken, type Studio } from './support/studio.ts';
import { startScriptedVendor, type ScriptedVendor } from './support/vendor.ts';

/** One pixel, and its bytes. */
const base64 =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const png = `data:image/png;base64,${base64}`;
const bytes = Buffer.from(base64, 'base64').length;
const clip = 'https://example.com/cat.mp4';
const content = [
  { type: 'image_url', image_url: { url: png } },
  { type: 'text', text: 'What is it?' },
  { type: 'video_url', video_url: { url: clip } },
];
/** The same as frames and lists show it, which carry no media. */
const parts = [
  { type: 'image', bytes },
  { type: 'text', text: 'What is it?' },
  { type: 'video', url: clip },
];
const plain = `[image]\nWhat is it?\n[video: ${clip}]`;

let parley: Parley;
let vendor: ScriptedVendor;
let mina: Studio;
/** The same login as a client of the assistant contract. */
let person: Person;

before(async () => {
  vendor = await startScriptedVendor();
  parley = await startParley({ dashScope: vendor.url, env: { PARLEY_FALLBACK: 'off' } });
  mina = await makeStudio(parley, 'mina');
  person = personWith(parley, mina.headers['authorization']?.replace('Bearer ', '') ?? '');
});
after(async () => {
  await parley.close();
  await vendor.close();
});

const gist = ({ type, data }: SessionFrame) =>
  type === 'message' ? [data.role, data.status, data.content] : [type];
const hasEnded = ({ type, data }: SessionFrame) => type === 'message' && data.status === 'completed';
const says = (said: string) => (frame: SessionFrame) => frame.data.content === said;

describe('a studio conversation on the assistant’s socket', () => {
  test('shows what is sent and the reply as it is made, by a token of studio’s', async () => {
    const conversation = await mina.begin();
    const streaming = await person.socket(conversation, 'stream=true');
    const whole = await person.socket(conversation);
    const sent = await mina.send(conversation, content);
    const call = await vendor.next();
    await call.delta('A ');
    const frames = await streaming.until(says('A '));
    await call.delta('cat.');
    frames.push(...(await streaming.until(says('A cat.'))));
    call.finish();
    frames.push(...(await streaming.until(hasEnded)));
    assert.deepEqual(frames.map(gist), [
      ['user', 'sent', plain],
      ['typing'],
      ['assistant', 'streaming', 'A '],
      ['assistant', 'streaming', 'A cat.'],
      ['assistant', 'completed', 'A cat.'],
    ]);
    const [asked] = frames;
    const shown = asked?.data as MessageBody & { parts?: unknown };
    assert.deepEqual([shown.id, shown.parts], [sent.message_id, parts]);
    assert.ok(frames.slice(1).every(({ data }) => !('parts' in data)));
    assert.deepEqual((await whole.until(hasEnded)).map(gist), [
      ['user', 'sent', plain],
      ['typing'],
      ['assistant', 'completed', 'A cat.'],
    ]);
    const again = await person.socket(conversation, `stream=true&cursor=${frames[2]?.cursor}`);
    const rest = await again.until(hasEnded);
    assert.equal(rest.map(({ data }) => data.delta ?? '').join(''), 'cat.');
    const { body } = await person.call<(MessageBody & { parts?: unknown })[]>(
      'GET',
      `/chat/sessions/${conversation}/messages`,
    );
    assert.deepEqual(
      body.map((message) => [message.content, message.parts]),
      [
        [plain, parts],
        ['A cat.', undefined],
      ],
    );
    await Promise.all([streaming, whole, again].map((socket) => socket.close()));
  });

  test('takes messages, whose replies are in the studio’s history; a plain one has no parts', async () => {
    const conversation = await mina.begin();
    const socket = await person.socket(conversation);
    socket.send({ type: 'message', id: 'q', data: { content: 'Hello?' } });
    const call = await vendor.next();
    assert.equal(call.body['model'], 'qwen-vl-max-latest');
    await call.delta('Hello.');
    call.finish();
    const [asked] = await socket.until(hasEnded);
    assert.ok(asked !== undefined && !('parts' in asked.data));
    const { messages } = await mina.history(conversation);
    assert.deepEqual(
      messages.map((message) => message.content),
      [contentOf('Hello?'), contentOf('Hello.')],
    );
    await socket.close();
  });

  test('a stop over the socket stops what was asked over HTTP', async () => {
    const conversation = await mina.begin();
    const socket = await person.socket(conversation, 'stream=true');
    const waiting = mina.exchange(conversation, content);
    const call = await vendor.next();
    await call.delta('Half');
    await socket.until(says('Half'));
    socket.send({ type: 'stop' });
    await call.closed;
    const { reply } = await waiting;
    assert.deepEqual([reply?.state, reply?.content], ['cancelled', contentOf('Half')]);
    await socket.close();
  });

  test('takes the token from the address, a header or the subprotocol; another’s conversation is 4404', async () => {
    const conversation = await mina.begin();
    const token = await studioToken(parley, 'mina');
    const url = `${parley.wsUrl}/ws/chat/${conversation}`;
    for (const opening of [
      openSocket(`${url}?token=${token}`),
      openSocket(url, { headers: bearer(token) }),
      openSocket(url, { protocols: [`bearer.${token}`] }),
    ]) {
      const socket = await opening;
      socket.send({ type: 'ping' });
      assert.equal((await socket.next()).type, 'pong');
      await socket.close();
    }
    const other = await makeStudio(parley, 'other');
    const refused = await openSocket(url, { headers: other.headers });
    assert.equal((await refused.next()).type, 'error');
    assert.equal((await refused.closed).code, 4404);
    const last = await openSocket(url, { headers: bearer(token) });
    last.send({ type: 'ping' });
    await last.next();
    await mina.call('POST', '/auth/logout', undefined, bearer(token));
    assert.equal((await last.closed).code, 4401);
  });
});
