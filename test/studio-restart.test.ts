import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { bearer, password } from './support/accounts.ts';
import { personWith } from './support/assistant.ts';
import { eventually, within } from './support/eventually.ts';
import { send } from './support/gateway.ts';
import { logInToHelpdesk } from './support/helpdesk.ts';
import { launchParley, makeDataFolder, removeDataFolder, type Launched } from './support/parley-process.ts';
import {
  allReplyEvents,
  contentOf,
  registerStudio,
  studioWith,
  textIn,
  type SentBody,
  type Studio,
} from './support/studio.ts';
import { startScriptedVendor, type VendorCall } from './support/vendor.ts';

/** What clients of studio see of a process that ends before their replies have begun, and of the next one. */

const admin = { email: 'boss@example.com', password };

interface CallRow {
  message_id: number;
  status_code: number;
}

/** Somebody with a conversation, in one life of the server after the other. */
async function setUp(t: TestContext) {
  const vendor = await startScriptedVendor();
  const folder = makeDataFolder();
  const lives: Launched[] = [];
  t.after(async () => {
    for (const life of lives) life.signal('SIGKILL');
    await Promise.all(lives.map(({ ended }) => ended));
    await vendor.close();
    removeDataFolder(folder);
  });
  const launch = async () => {
    const env = {
      PARLEY_FALLBACK: 'off',
      PARLEY_ADMIN_EMAIL: admin.email,
      PARLEY_ADMIN_PASSWORD: admin.password,
    };
    const life = launchParley(folder, {
      dashScope: vendor.url,
      env,
      yaml: { shutdown_grace: '100ms' },
    });
    lives.push(life);
    return { url: await life.url };
  };
  const server = await launch();
  const { id, token } = await registerStudio(server, 'mina');
  const mina = studioWith(server, id, token);
  const conversation = await mina.begin();

  /** Ends the server; resolves when it is gone. */
  const end = async (signal: NodeJS.Signals) => {
    const life = lives.at(-1) as Launched;
    life.signal(signal);
    await within(10_000, life.ended);
  };
  const again = async () => {
    const next = await launch();
    return { server: next, mina: studioWith(next, id, token), person: personWith(next, token) };
  };
  return { vendor, server, mina, person: personWith(server, token), conversation, end, again };
}

async function reply(call: VendorCall, text: string): Promise<void> {
  await call.delta(text);
  call.finish();
}

/** The history, once nothing is on its way any more. */
const settled = (mina: Studio, conversation: number) =>
  eventually(async () => {
    const { messages, pending } = await mina.history(conversation);
    return pending.length === 0 ? messages : undefined;
  });

const shown = async (mina: Studio, conversation: number) =>
  (await settled(mina, conversation)).map(({ role, status, content }) => [role, status, content[0]?.text]);

/** Message and status of everything in the call history, oldest first. */
async function callsOf(mina: Studio): Promise<[message: number, status: number][]> {
  const { body } = await mina.call<{ api_calls: CallRow[] }>('GET', '/history/api-calls?limit=100');
  return body.data.api_calls.toReversed().map((row) => [row.message_id, row.status_code]);
}

describe('studio: a crash before anything is said', () => {
  test('loses no reply and doubles none, of those that wait in their line neither; each call is booked once', async (t) => {
    const { vendor, mina, conversation, end, again } = await setUp(t);
    for (const text of ['One', 'Two', 'Three']) await mina.send(conversation, text);
    await vendor.next();
    const { pending } = await mina.history(conversation);
    assert.equal(pending.length, 3);
    await end('SIGKILL');

    await again();
    await vendor.next();
    await end('SIGKILL');

    const { mina: back } = await again();
    assert.deepEqual((await back.history(conversation)).pending, pending);
    for (const text of ['1', '2', '3']) await reply(await vendor.next(), text);
    assert.deepEqual(await shown(back, conversation), [
      ['user', 1, 'One'],
      ['assistant', 1, '1'],
      ['user', 1, 'Two'],
      ['assistant', 1, '2'],
      ['user', 1, 'Three'],
      ['assistant', 1, '3'],
    ]);
    const lost = [pending[0], 503];
    assert.deepEqual(await callsOf(back), [lost, lost, ...pending.map((id) => [id, 200])]);
    assert.equal(vendor.count(), 5);
  });

  test('lets a person take over: then nothing is said', async (t) => {
    const { vendor, mina, conversation, end, again } = await setUp(t);
    await mina.send(conversation, 'Are you there?');
    await vendor.next();
    await end('SIGKILL');
    const { server, mina: back } = await again();
    const call = await vendor.next();
    const staff = bearer((await logInToHelpdesk(server, admin)).body.data.access_token);
    const path = `${server.url}/api/v1/admin/conversations/${conversation}/assign`;
    assert.equal((await send(path, 'POST', undefined, staff)).status, 200);
    await call.closed;
    assert.deepEqual(await shown(back, conversation), [['user', 1, 'Are you there?']]);
    assert.equal((await back.exchange(conversation, 'And now?')).reply, null);
    assert.equal(vendor.count(), 2);
  });

  test('a reply that was stopped is never made again', async (t) => {
    const { vendor, mina, conversation, end, again } = await setUp(t);
    await mina.send(conversation, 'One');
    await mina.send(conversation, 'Two');
    await vendor.next();
    assert.equal((await mina.call('POST', `/conversations/${conversation}/stop`)).status, 200);
    await end('SIGKILL');
    const { mina: back } = await again();
    await back.send(conversation, 'Three');
    const call = await vendor.next();
    assert.deepEqual(call.body['messages'], [{ role: 'user', content: 'Three' }]);
    await reply(call, '3');
    assert.deepEqual(
      (await settled(back, conversation)).map(({ state }) => state),
      ['failed', 'cancelled', 'failed', 'cancelled', 'sent', 'completed'],
    );
    assert.equal(vendor.count(), 2);
  });
});

describe('studio: a restart before anything is said', () => {
  test('tells who listens to come back, and answers them then', async (t) => {
    const { vendor, mina, person, conversation, end, again } = await setUp(t);
    const path = `/conversations/${conversation}/messages`;
    const socket = await person.socket(conversation, 'stream=true');
    const key = { 'idempotency-key': 'waits' };
    const body = { content: contentOf('What is it?') };
    const waiting = mina.open('POST', `${path}?wait=true`, body, key);
    await vendor.next();
    const [question] = await socket.until(({ type }) => type === 'typing');
    assert.equal(question?.data.content, 'What is it?');
    const listening = allReplyEvents(await mina.open('GET', `${path}/stream`));
    await end('SIGTERM');

    const refused = await waiting;
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.headers.get('retry-after')) >= 1);
    const heard = await listening;
    assert.deepEqual([textIn(heard), heard.at(-1)?.data.type, heard.at(-1)?.data.code], ['', 'error', 503]);
    assert.match(heard.at(-1)?.data.message ?? '', /稍后重新获取/u);
    assert.equal((await socket.closed).code, 1012);
    assert.equal(socket.waiting, 0, 'no failure is shown');

    const back = await again();
    const call = await vendor.next();
    const resumed = back.mina.open('GET', `${path}/stream`, undefined, {
      'last-event-id': heard.at(0)?.id ?? '',
    });
    const repeated = back.mina.call<SentBody>('POST', `${path}?wait=true`, body, key);
    const cursor = question?.cursor ?? '';
    const reopened = await back.person.socket(conversation, `stream=true&cursor=${cursor}`);
    const response = await resumed;
    await reply(call, 'A pixel.');
    assert.equal(textIn(await allReplyEvents(response)), 'A pixel.');
    assert.deepEqual((await repeated).body.data.reply?.content, contentOf('A pixel.'));
    const frames = await reopened.until(({ data }) => data.status === 'completed');
    assert.equal(frames.at(-1)?.data.content, 'A pixel.');
    await reopened.close();
    assert.deepEqual(await shown(back.mina, conversation), [
      ['user', 1, 'What is it?'],
      ['assistant', 1, 'A pixel.'],
    ]);
    const [lost, made] = await callsOf(back.mina);
    assert.deepEqual([lost?.[0], made?.[0], made?.[1]], [made?.[0], lost?.[0], 200]);
    assert.equal(vendor.count(), 2);
  });
});
