import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer, makeAccount, tokenOf } from './support/accounts.ts';
import { eventually } from './support/eventually.ts';
import { read, send } from './support/gateway.ts';
import { startParley, type Parley } from './support/parley.ts';
import { openSocket } from './support/socket.ts';
import { askStudio } from './support/studio.ts';
import { startScriptedVendor, type ScriptedVendor } from './support/vendor.ts';

interface Asker {
  assistant: string;
  companion: string;
  helpdesk: string;
  studio: string;
  session: number;
}

interface Answered {
  session_id: number;
  message: { content: string; status: string };
}

let parley: Parley;
let vendor: ScriptedVendor;
before(async () => {
  vendor = await startScriptedVendor();
  parley = await startParley({ openAi: vendor.url, env: { PARLEY_FALLBACK: 'off' } });
});
after(async () => {
  await parley.close();
  await vendor.close();
});

const call = async <T>(method: string, path: string, token: string | undefined, body?: unknown) => {
  const headers = token === undefined ? {} : bearer(token);
  return (await read<T>(send(`${parley.url}/api/v1/${path}`, method, body, headers))).body;
};

/** Sends the frame; resolves to what closes the socket. */
async function stopOver(path: string, data?: object): Promise<() => Promise<void>> {
  const socket = await openSocket(`${parley.wsUrl}${path}`);
  socket.send({ type: 'stop', data });
  return () => socket.close();
}

async function stopAt(path: string, token: string | undefined): Promise<() => Promise<void>> {
  await call('POST', path, token);
  return () => Promise.resolve();
}

const askAssistant = ({ assistant, session }: Asker) =>
  call<Answered>('POST', 'chat', assistant, { message: 'Why?', session_id: session });
const askCompanion = ({ companion }: Asker) => call('POST', 'chat', companion, { message: 'Why?' });
async function askHelpdesk({ helpdesk }: Asker) {
  const { data } = await call<{ data: { session_id: string } }>('POST', 'chat/sessions', helpdesk, {});
  return call('POST', 'chat/messages', helpdesk, { session_id: data.session_id, content: 'Why?' });
}
/** The same, whoever waits for the reply. */
const askStudioAnd =
  (query: string) =>
  async ({ studio }: Asker) => {
    const ask = <T>(path: string, body: object) =>
      askStudio<T>(parley, 'POST', `/conversations${path}`, body, bearer(studio));
    const { body } = await ask<{ conversation_id: number }>('', { model_name: 'gpt-3.5-turbo' });
    const content = [{ type: 'text', text: 'Why?' }];
    return ask(`/${body.data.conversation_id}/messages${query}`, { content });
  };
/** Its asking does not last until the end of the reply. */
const unawaited = 'studio, which does not wait,';
const asks = {
  assistant: askAssistant,
  companion: askCompanion,
  helpdesk: askHelpdesk,
  'studio, which waits,': askStudioAnd('?wait=true'),
  [unawaited]: askStudioAnd(''),
};

/** A session's id as the helpdesk spells it. */
async function spelled({ helpdesk }: Asker, session: number): Promise<string> {
  const { accounts, conversations } = parley.app.core;
  return `sess_${(await conversations.get(await accounts.identify(helpdesk, ''), session)).key}`;
}

const stops: Record<string, (asker: Asker, session: number) => Promise<() => Promise<void>>> = {
  'assistant’s address': ({ assistant }, session) => stopAt(`chat/sessions/${session}/stop`, assistant),
  'assistant’s socket': ({ assistant }, session) => stopOver(`/ws/chat/${session}?token=${assistant}`),
  'companion’s address': ({ companion }) => stopAt('chat/stop', companion),
  'companion’s socket': ({ companion }) => stopOver(`/ws/chat?token=${companion}`),
  'helpdesk’s address': async (asker, session) =>
    stopAt(`chat/sessions/${await spelled(asker, session)}/stop`, asker.helpdesk),
  'helpdesk’s socket': async (asker, session) =>
    stopOver(`/ws?token=${asker.helpdesk}`, { session_id: await spelled(asker, session) }),
  'studio’s address': async ({ studio }, session) => {
    await askStudio(parley, 'POST', `/conversations/${session}/stop`, undefined, bearer(studio));
    return () => Promise.resolve();
  },
  'the socket that studio’s clients use': ({ studio }, session) =>
    stopOver(`/ws/chat/${session}?token=${studio}`),
};

let made = 0;
/** Somebody with an assistant's session. */
async function makeAsker(): Promise<Asker> {
  const name = `asker-${++made}`;
  await makeAccount(parley, name);
  const assistant = await tokenOf(parley, name);
  const companion = await tokenOf(parley, name, 'companion');
  const helpdesk = await tokenOf(parley, name, 'helpdesk');
  const studio = await tokenOf(parley, name, 'studio');
  const first = call<Answered>('POST', 'chat', assistant, { message: 'Hello' });
  (await vendor.next()).finish();
  return { assistant, companion, helpdesk, studio, session: (await first).session_id };
}

describe('an answer is stopped from any door:', () => {
  for (const [asked, ask] of Object.entries(asks)) {
    for (const [stopped, stop] of Object.entries(stops)) {
      test(`${asked} asks, ${stopped} stops`, async () => {
        const asker = await makeAsker();
        const pending = ask(asker);
        const vendorCall = await vendor.next();
        const [newest] = await call<{ id: number }[]>('GET', 'chat/sessions', asker.assistant);
        assert.ok(newest);
        const leave = await stop(asker, newest.id);
        await vendorCall.closed;
        await pending;
        await leave();
        await eventually(async () => {
          const path = `chat/sessions/${newest.id}/messages`;
          const messages = await call<{ status: string }[]>('GET', path, asker.assistant);
          const status = messages.at(-1)?.status;
          if (asked !== unawaited) assert.equal(status, 'cancelled');
          return status === 'cancelled' || undefined;
        });
      });
    }
  }

  test('a guest stops the guest’s own, over address and socket, and nobody else does', async () => {
    const asker = await makeAsker();
    for (const stop of [
      (session: string) => stopAt(`chat/sessions/${session}/stop`, undefined),
      (session: string) => stopOver('/ws', { session_id: session }),
    ]) {
      const { data } = await call<{ data: { session_id: string } }>('POST', 'chat/sessions', undefined, {});
      const pending = call('POST', 'chat/messages', undefined, {
        session_id: data.session_id,
        content: 'Why?',
      });
      const vendorCall = await vendor.next();
      const other = askAssistant(asker);
      const otherCall = await vendor.next();
      const leave = await stop(data.session_id);
      await vendorCall.closed;
      await pending;
      await leave();
      await otherCall.delta('Whole');
      otherCall.finish();
      assert.equal((await other).message.status, 'completed');
      const { data: history } = await call<{ data: { messages: { sender_type: string }[] } }>(
        'GET',
        `chat/sessions/${data.session_id}/messages`,
        undefined,
      );
      assert.deepEqual(
        history.messages.map(({ sender_type }) => sender_type),
        ['user'],
        'it had said nothing',
      );
    }
  });

  test('companion’s stop leaves others alone while its own chat is being answered', async () => {
    const asker = await makeAsker();
    const own = askCompanion(asker);
    const ownCall = await vendor.next();
    const other = askAssistant(asker);
    const otherCall = await vendor.next();
    await call('POST', 'chat/stop', asker.companion);
    await ownCall.closed;
    await own;
    await otherCall.delta('Whole');
    otherCall.finish();
    const { message } = await other;
    assert.deepEqual([message.content, message.status], ['Whole', 'completed']);
  });
});
