import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  personWith,
  registerPerson,
  textIn,
  turnFrames,
  type MessageBody,
  type TurnFrame,
} from '../../../test/support/assistant.ts';
import { launchParley, makeDataFolder, removeDataFolder } from '../../../test/support/parley-process.ts';
import { startScriptedVendor } from '../../../test/support/vendor.ts';

test('assistant: kill -9 in the middle of an answer, and everybody finds what they had seen', async (t) => {
  const vendor = await startScriptedVendor();
  t.after(() => vendor.close());
  const folder = makeDataFolder();
  t.after(() => removeDataFolder(folder));
  const first = launchParley(folder, { openAi: vendor.url });
  t.after(() => first.signal('SIGKILL'));
  const person = await registerPerson({ url: await first.url }, 'mina');

  const begun = person.call('POST', '/chat', { message: 'Before' });
  const before = await vendor.next();
  await before.delta('Answered.');
  before.finish();
  const session = (await begun).body.session_id;

  const body = { message: 'Long?' };
  const key = { 'idempotency-key': 'long' };
  const frames = turnFrames(await person.open('POST', `/chat/sessions/${session}/stream`, body, key));
  const socket = await person.socket(session, 'stream=true');
  const call = await vendor.next();
  await call.delta('Seen by all. ');
  const seen: TurnFrame[] = [];
  while (textIn(seen) !== 'Seen by all. ') seen.push((await frames.next()).value as TurnFrame);
  const last = (await socket.until(({ data }) => data.content === 'Seen by all. ')).at(-1);
  await call.delta('Perhaps seen.');
  first.signal('SIGKILL');
  await first.ended;
  await frames.return(undefined).catch(() => {});

  const second = launchParley(folder, { openAi: vendor.url });
  t.after(async () => {
    second.signal('SIGKILL');
    await second.ended;
  });
  const token = person.headers['authorization']?.slice('Bearer '.length) ?? '';
  const again = personWith({ url: await second.url }, token);
  const { body: messages } = await again.call<MessageBody[]>('GET', `/chat/sessions/${session}/messages`);
  assert.deepEqual(
    messages.map(({ role, status }) => [role, status]),
    [
      ['user', 'sent'],
      ['assistant', 'completed'],
      ['user', 'sent'],
      ['assistant', 'interrupted'],
    ],
  );
  const kept = messages.at(-1)?.content ?? '';
  assert.match(kept, /^Seen by all\. (Perhaps seen\.)?$/u);

  const resumed = await Array.fromAsync(
    turnFrames(
      await again.open('POST', `/chat/sessions/${session}/stream`, body, {
        ...key,
        'last-event-id': seen.at(-1)?.id ?? '',
      }),
    ),
  );
  assert.equal(textIn([...seen, ...resumed]), kept);
  assert.equal(resumed.at(-1)?.data.message?.status, 'interrupted');

  const back = await again.socket(session, `stream=true&cursor=${last?.cursor}`);
  const missed = await back.until(({ data }) => data.status === 'interrupted');
  assert.equal(`Seen by all. ${missed.map(({ data }) => data.delta ?? '').join('')}`, kept);
  assert.deepEqual(missed.at(-1)?.data, messages.at(-1));
  await back.close();

  const asked = vendor.count();
  const repeated = await again.open('POST', `/chat/sessions/${session}/stream`, body, key);
  assert.equal(repeated.headers.get('idempotent-replayed'), 'true');
  assert.equal(textIn(await Array.fromAsync(turnFrames(repeated))), kept);
  assert.equal(vendor.count(), asked);
});
