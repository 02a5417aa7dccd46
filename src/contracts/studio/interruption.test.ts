import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { startParley } from '../../../test/support/parley.ts';
import { launchParley, makeDataFolder, removeDataFolder } from '../../../test/support/parley-process.ts';
import {
  allReplyEvents,
  contentOf,
  makeStudio,
  registerStudio,
  replyEvents,
  studioWith,
  textIn,
  type ReplyEvent,
} from '../../../test/support/studio.ts';
import { startScriptedVendor } from '../../../test/support/vendor.ts';

const png =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const content = [
  { type: 'text', text: 'What is it?' },
  { type: 'image_url', image_url: { url: png } },
];

/** A server with a vendor, and somebody's conversation; `again` starts it anew once it has ended. */
async function setUp(t: TestContext) {
  const vendor = await startScriptedVendor();
  t.after(() => vendor.close());
  const folder = makeDataFolder();
  t.after(() => removeDataFolder(folder));
  const launch = () => {
    const launched = launchParley(folder, { dashScope: vendor.url, env: { PARLEY_FALLBACK: 'off' } });
    t.after(async () => {
      launched.signal('SIGKILL');
      await launched.ended;
    });
    return launched;
  };
  const server = launch();
  const { id, token } = await registerStudio({ url: await server.url }, 'mina');
  const mina = studioWith({ url: await server.url }, id, token);
  const conversation = await mina.begin();
  return {
    vendor,
    server,
    mina,
    conversation,
    async again() {
      await server.ended;
      return studioWith({ url: await launch().url }, id, token);
    },
  };
}

test('studio: a reply that a crash cuts off before it says a word is made by the next process, once', async (t) => {
  const { vendor, server, mina, conversation, again } = await setUp(t);
  const path = `/conversations/${conversation}/messages`;
  const key = { 'idempotency-key': 'once' };
  const frames = replyEvents(await mina.open('POST', `${path}/stream`, { content }, key));
  const start = (await frames.next()).value as ReplyEvent;
  const lost = await vendor.next();
  server.signal('SIGKILL');
  await frames.return(undefined).catch(() => {});

  const back = await again();
  const call = await vendor.next();
  assert.deepEqual(call.body['messages'], lost.body['messages'], 'it is asked the same again');
  assert.deepEqual((await back.history(conversation)).pending, [start.data.reply_id]);
  const resumed = await back.open('GET', `${path}/stream`, undefined, { 'last-event-id': start.id ?? '' });
  const repeated = await back.open('POST', `${path}/stream`, { content }, key);
  await call.delta('A pixel.');
  call.finish();
  for (const heard of [await allReplyEvents(resumed), await allReplyEvents(repeated)]) {
    assert.equal(textIn(heard), 'A pixel.');
    const { messages, pagination, pending } = await back.history(conversation);
    assert.deepEqual([pagination.total, pending], [2, []]);
    assert.deepEqual(messages[0]?.content, content);
    assert.deepEqual(messages[1], heard.at(-1)?.data.reply);
    assert.deepEqual([messages[1]?.status, messages[1]?.message_id], [1, start.data.reply_id]);
  }
  assert.equal(vendor.count(), 2);
});

test('studio: a reply that a restart cuts off before it says a word is made by the next process', async (t) => {
  const vendor = await startScriptedVendor();
  t.after(() => vendor.close());
  const parley = await startParley({ dashScope: vendor.url });
  t.after(() => parley.close());
  const mina = await makeStudio(parley, 'mina');
  const conversation = await mina.begin();
  const sent = await mina.send(conversation, content);
  await vendor.next();
  await parley.restart();
  const back = studioWith(parley, mina.id, mina.headers['authorization']?.slice('Bearer '.length) ?? '');
  const call = await vendor.next();
  await call.delta('A pixel.');
  call.finish();
  const { messages } = await eventually(async () => {
    const history = await back.history(conversation);
    return history.messages.length === 2 ? history : undefined;
  });
  assert.deepEqual(
    messages.map((message) => [message.status, message.content]),
    [
      [1, sent.content],
      [1, contentOf('A pixel.')],
    ],
  );
});

test('studio: a reply that a crash cuts off in the middle keeps what it said, with status 0 and the reason', async (t) => {
  const { vendor, server, mina, conversation, again } = await setUp(t);
  const path = `/conversations/${conversation}/messages/stream`;
  const frames = replyEvents(await mina.open('POST', path, { content }));
  const call = await vendor.next();
  await call.delta('Seen.');
  const seen: ReplyEvent[] = [];
  while (textIn(seen) !== 'Seen.') seen.push((await frames.next()).value as ReplyEvent);
  server.signal('SIGKILL');
  await frames.return(undefined).catch(() => {});

  const back = await again();
  const { messages, pending } = await eventually(async () => {
    const history = await back.history(conversation);
    return history.messages.length === 2 ? history : undefined;
  });
  const [asked, reply] = messages;
  assert.deepEqual(pending, []);
  assert.equal(asked?.status, 1);
  const { status, state, error } = reply ?? {};
  assert.deepEqual([status, state, error?.code, reply?.content], [0, 'interrupted', 503, contentOf('Seen.')]);
  assert.match(error?.message ?? '', /\p{Script=Han}/u);
  const rest = await allReplyEvents(
    await back.open('POST', path, undefined, { 'last-event-id': seen.at(-1)?.id ?? '' }),
  );
  assert.deepEqual([textIn(rest), rest.at(-1)?.data.reply], ['', reply]);
  assert.equal(vendor.count(), 1);
});
