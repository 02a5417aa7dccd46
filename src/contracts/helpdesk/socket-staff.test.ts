import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { beginSession, joinHelpdesk, messagesOf } from '../../../test/support/helpdesk.ts';
import {
  gist,
  helpdeskSocket,
  settled,
  type HelpdeskFrame,
  type HelpdeskSocket,
} from '../../../test/support/helpdesk-socket.ts';
import { startParley, type Parley } from '../../../test/support/parley.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { startScriptedVendor, type ScriptedVendor } from '../../../test/support/vendor.ts';
import type { StaffCaller } from '../../core/identity/caller.ts';

let parley: Parley;
let vendor: ScriptedVendor;
let wang: Agent;
let li: Agent;

interface Agent {
  id: number;
  headers: Record<string, string>;
  caller: StaffCaller;
}

before(async () => {
  vendor = await startScriptedVendor();
  parley = await startParley({
    openAi: vendor.url,
    env: { PARLEY_FALLBACK: 'off' },
    yaml: { limits: { helpdesk: { sockets_per_address: 100 } } },
  });
  wang = await makeAgent('wang');
  li = await makeAgent('liya');
});
after(async () => {
  await parley.close();
  await vendor.close();
});

async function makeAgent(name: string): Promise<Agent> {
  const { id, headers } = await joinHelpdesk(parley, name, 'agent');
  const caller = await parley.app.core.accounts.identify(headers.authorization.slice(7), '127.0.0.1');
  return { id, headers, caller: caller as StaffCaller };
}

/** An agent's socket, and the cursor that it begins with. */
async function sit(agent: Agent, query = ''): Promise<HelpdeskSocket & { cursor: string }> {
  const socket = await helpdeskSocket(parley, query, agent.headers);
  const { type, cursor = '' } = await socket.next();
  assert.equal(type, 'auth');
  return Object.assign(socket, { cursor });
}

/** A session whose customer waits for a person, seen by an agent who sat there before. */
async function waiting() {
  const { session_id } = await beginSession(parley);
  const { core } = parley.app;
  const guest = await core.conversations.asGuest('127.0.0.1', session_id.slice('sess_'.length));
  assert.ok(guest);
  await core.handoff.switchTo(guest, guest.conversationId, 'human');
  const socket = await helpdeskSocket(parley, `session_id=${session_id}`);
  await socket.next();
  const say = (content: string, id?: string) => socket.say('message', { session_id, content }, id);
  return { session_id, id: guest.conversationId, guest, socket, say };
}

const about = (session_id: string) => (frames: HelpdeskFrame[]) =>
  frames.filter(({ data }) => data.session_id === session_id);
const isMessage = (content: string) => (frame: HelpdeskFrame) =>
  frame.type === 'message' && frame.data.content === content;
const isPresence = ({ type }: HelpdeskFrame) => type === 'presence';

async function closeAll(...sockets: HelpdeskSocket[]): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.close()));
}

describe('helpdesk: agents’ sockets', () => {
  test('hear of a new conversation, of what is said in it, and of who takes it', async () => {
    const [one, two] = [await sit(wang), await sit(li)];
    const { session_id, socket: guest, say } = await waiting();
    say('Is anybody there?');
    await one.until(isMessage('Is anybody there?'));
    one.say('message', { session_id, content: 'Yes, Wang is.' }, 'r');
    const told = await two.until(isMessage('Yes, Wang is.'));
    assert.deepEqual(about(session_id)(told).map(gist), [
      'conversation open ai',
      'status pending human -',
      'conversation pending human',
      'user: Is anybody there?',
      'status active human wang',
      'conversation open human',
      'human: Yes, Wang is.',
    ]);
    const own = (await one.until(isMessage('Yes, Wang is.'))).at(-1);
    assert.deepEqual([own?.id, own?.data.sender], ['r', { id: wang.id, name: 'wang' }]);
    const seen = about(session_id)(await guest.until(isMessage('Yes, Wang is.')));
    assert.deepEqual(
      seen.map(gist).filter((text) => !text.startsWith('staff')),
      ['user: Is anybody there?', 'status active human wang', 'human: Yes, Wang is.'],
    );
    assert.equal(seen.find(({ type }) => type === 'status_update')?.data.message, 'wang已接管对话');
    two.say('message', { session_id, content: 'And Li.' }, 'late');
    const refused = (await two.until(({ type }) => type === 'error')).at(-1);
    assert.deepEqual([refused?.id, refused?.data.code], ['late', 'CONFLICT']);
    await closeAll(one, two, guest);
  });

  test('messages are told to all sockets, the one that sent them too; repeats under an id are stored once', async () => {
    const [one, other] = [await sit(wang), await sit(wang)];
    const { session_id, socket: guest } = await waiting();
    one.say('message', { session_id, content: 'Hello.' });
    await other.until(isMessage('Hello.'));
    for (let time = 0; time < 2; time++) one.say('message', { session_id, content: 'Named.' }, 'n');
    const seen = (await one.until(isMessage('Named.'))).map(gist);
    assert.ok(seen.includes('human: Hello.'));
    assert.equal((await one.until(isMessage('Named.'))).at(-1)?.id, 'n');
    const { messages } = await messagesOf(parley, session_id);
    assert.deepEqual(
      messages.map(({ content }) => content),
      ['Hello.', 'Named.'],
    );
    await closeAll(one, other, guest);
  });

  test('typing goes both ways, and no more than a few times a second', async () => {
    const [one, two] = [await sit(wang), await sit(li)];
    const { session_id, socket: guest } = await waiting();
    guest.say('typing', { session_id });
    for (let time = 0; time < 20; time++) guest.say('typing', { session_id, is_typing: false });
    await settled(guest);
    const typing = (frames: HelpdeskFrame[]) => frames.filter(({ type }) => type === 'typing').map(gist);
    const heard = typing(await one.until(({ type }) => type === 'typing'));
    assert.deepEqual(heard, ['typing user']);
    const more = typing(await settled(one));
    assert.ok(more.length <= 4 && more.every((text) => text === 'typing user no more'), String(more.length));
    one.say('typing', { session_id, is_typing: true });
    const shown = (await guest.until(({ type }) => type === 'typing')).at(-1);
    assert.deepEqual(
      [shown && gist(shown), shown?.data.agent],
      ['typing human', { id: wang.id, name: 'wang' }],
    );
    assert.ok(typing(await two.until(({ data }) => data.sender_type === 'human')).includes('typing human'));
    assert.deepEqual(typing(await settled(one)), [], 'who types need not be told');
    await closeAll(one, two, guest);
  });

  test('an answer is seen as it is made once the session was named', async () => {
    const [near, far] = [await sit(wang), await sit(li)];
    const { session_id } = await beginSession(parley);
    const guest = await helpdeskSocket(parley, `session_id=${session_id}`);
    near.say('auth', { session_id });
    guest.say('message', { session_id, content: 'Watched?' });
    const call = await vendor.next();
    await call.delta('Half');
    await near.until(({ data }) => data.full_content === 'Half');
    const late = await sit(li, `session_id=${session_id}`);
    await late.until(({ data }) => data.full_content === 'Half');
    await call.delta(' and half.');
    call.finish();
    const whole = isMessage('Half and half.');
    for (const socket of [near, late]) {
      const frames = await socket.until(whole);
      const ends = frames.filter(({ data }) => data.is_complete === true);
      assert.deepEqual(ends.map(gist), ['stream ends: Half and half.']);
    }
    assert.deepEqual(
      (await far.until(whole)).filter(({ type }) => type === 'ai_stream'),
      [],
    );
    await closeAll(near, far, late, guest);
  });

  test('whoever takes over silences the AI, and both see the same', async () => {
    const one = await sit(wang);
    const { session_id } = await beginSession(parley);
    const guest = await helpdeskSocket(parley, `session_id=${session_id}`);
    await guest.next();
    guest.say('message', { session_id, content: 'Long?' }, 'q');
    const call = await vendor.next();
    await call.delta('It is');
    await guest.until(({ data }) => data.full_content === 'It is');
    one.say('message', { session_id, content: 'Let me.' }, 'let-me');
    await call.closed;
    const said = (frames: HelpdeskFrame[]) =>
      frames.filter(({ type }) => ['message', 'status_update', 'error'].includes(type)).map(gist);
    const expected = ['ai: It is', 'status active human wang', 'human: Let me.'];
    assert.deepEqual(said(await guest.until(isMessage('Let me.'))), expected);
    assert.deepEqual(said(about(session_id)(await one.until(isMessage('Let me.')))), [
      'user: Long?',
      ...expected,
    ]);
    await closeAll(one, guest);
  });

  test('receipts: told is delivered, and read is read, on both sides', async () => {
    const one = await sit(wang);
    const { session_id, socket: guest, say } = await waiting();
    say('Question', 'q');
    const asked = (await guest.until(isMessage('Question'))).at(-1)?.data.id;
    const receipt = (by: string, what: string) => (frame: HelpdeskFrame) =>
      frame.type === 'receipt' && frame.data.by === by && frame.data.receipt === what;
    const delivered = (await guest.until(receipt('staff', 'delivered'))).at(-1);
    assert.deepEqual(delivered?.data.message_ids, [asked]);
    one.say('read', { session_id, up_to: asked });
    assert.deepEqual((await guest.until(receipt('staff', 'read'))).at(-1)?.data.message_ids, [asked]);
    one.say('message', { session_id, content: 'Answer' }, 'answer');
    const answered = (await one.until(isMessage('Answer'))).at(-1)?.data.id;
    assert.deepEqual((await one.until(receipt('customer', 'delivered'))).at(-1)?.data.message_ids, [
      answered,
    ]);
    guest.say('read', { session_id });
    assert.deepEqual((await one.until(receipt('customer', 'read'))).at(-1)?.data.message_ids, [answered]);
    await closeAll(one, guest);
  });

  test('notes are for agents alone, ratings and labels are told', async () => {
    const [one, chinese] = [await sit(wang), await sit(li)];
    const { session_id, id, guest: caller, socket: guest } = await waiting();
    const { core } = parley.app;
    await core.notes.add(wang.caller, id, 'Is in a hurry.');
    await core.desk.label(wang.caller, id, { tags: ['vip'] });
    await core.conversations.rate(caller, id, { score: 4 });
    await core.handoff.setStatus(wang.caller, id, 'resolved');
    const frames = about(session_id)(
      await one.until(
        ({ type, data }) => type === 'conversation' && gist({ type, data }).includes('resolved'),
      ),
    );
    const note = frames.find(({ type }) => type === 'note');
    assert.deepEqual(
      [note?.data.content, note?.data.author],
      ['Is in a hurry.', { id: wang.id, name: 'wang' }],
    );
    const labelled = frames.filter(({ type }) => type === 'conversation').map(({ data }) => data.tags);
    assert.ok(labelled.some((tags) => tags?.includes('vip')));
    assert.equal(frames.find(({ type }) => type === 'rating')?.data.score, 4);
    const told = await guest.until(({ data }) => data.status === 'resolved');
    assert.deepEqual([...new Set(told.map(({ type }) => type))], ['status_update']);
    assert.equal(told.at(-1)?.data.message, '对话已解决');
    await closeAll(one, chinese, guest);
  });

  test('who is there is told, and lasts through a reconnect', async () => {
    const one = await sit(wang);
    const third = await makeAgent('zhao');
    const theirs = await sit(third);
    const told = (await one.until(({ data }) => data.agent?.id === third.id)).at(-1);
    assert.deepEqual(
      [told?.type, told?.data],
      ['presence', { agent: { id: third.id, name: 'zhao' }, status: 'online' }],
    );
    theirs.say('presence', { status: 'away' });
    assert.equal((await one.until(({ data }) => data.agent?.id === third.id)).at(-1)?.data.status, 'away');
    await theirs.close();
    const again = await sit(third);
    assert.equal(parley.app.core.presence.of(third.id), 'away');
    assert.deepEqual((await settled(one)).filter(isPresence), []);
    await closeAll(one, again);
  });

  test('one who is demoted, or disabled, hears nothing any more', async () => {
    const { core } = parley.app;
    for (const [name, change] of [
      ['sun', { role: 'user' }],
      ['qian', { status: 'disabled' }],
    ] as const) {
      const agent = await makeAgent(name);
      const boss = { ...wang.caller, role: 'admin' as const };
      const socket = await sit(agent);
      await core.administration.update(boss, agent.id, change);
      const error = await socket.until(({ type }) => type === 'error');
      assert.ok(['FORBIDDEN', 'UNAUTHORIZED'].includes(error.at(-1)?.data.code ?? ''));
      assert.equal((await socket.closed).code, 4401);
    }
  });
});

describe('helpdesk: an agent’s cursor', () => {
  test('brings exactly what was missed, wherever the socket was cut', async () => {
    const first = await sit(wang);
    const { session_id, id, socket: guest, say } = await waiting();
    const { core } = parley.app;
    say('One');
    await core.handoff.take(wang.caller, id);
    say('Two');
    await core.handoff.reply(wang.caller, id, 'Three');
    await core.notes.add(wang.caller, id, 'Four');
    const isNote = ({ type }: HelpdeskFrame) => type === 'note';
    const whole = (await first.until(isNote)).filter(({ cursor }) => cursor !== undefined);
    await first.close();
    for (const [at, { cursor = '' }] of [{ cursor: first.cursor }, ...whole.slice(0, -1)].entries()) {
      const back = await sit(wang, `cursor=${cursor}`);
      assert.equal(back.cursor, cursor);
      const missed = (await back.until(isNote)).filter((frame) => frame.cursor !== undefined);
      assert.deepEqual(
        missed
          .map((frame) => [frame.cursor, gist(frame)])
          .filter(([, what]) => !what?.startsWith('conversation')),
        whole
          .slice(at)
          .map((frame) => [frame.cursor, gist(frame)])
          .filter(([, what]) => !what?.startsWith('conversation')),
      );
      await back.close();
    }
    const late = await sit(li);
    say('Five');
    await late.until(isMessage('Five'));
    assert.equal(session_id.length > 25, true);
    await closeAll(late, guest);
  });

  test('that is not known gets one reset, then everything from now on', async () => {
    for (const cursor of ['999999999', 'nonsense', '1:x', '-1']) {
      const socket = await sit(wang, `cursor=${cursor}`);
      const reset = await socket.next();
      assert.equal(reset.type, 'reset', cursor);
      assert.match(reset.cursor ?? '', /^\d+$/u);
      const { socket: guest, say } = await waiting();
      say(`After ${cursor}`);
      await socket.until(isMessage(`After ${cursor}`));
      await closeAll(socket, guest);
    }
  });

  test('holds over a restart', async () => {
    const { session_id, socket: guest, say } = await waiting();
    const before = await sit(wang);
    say('Before');
    const { cursor } = (await before.until(isMessage('Before'))).at(-1) ?? {};
    await parley.restart();
    await Promise.all([before.closed, guest.closed]);
    const again = await helpdeskSocket(parley, `session_id=${session_id}`);
    again.say('message', { session_id, content: 'After' });
    const back = await eventually(() => sit(wang, `cursor=${cursor}`).catch(() => undefined));
    const missed = about(session_id)(await back.until(isMessage('After')));
    assert.deepEqual(missed.filter(({ type }) => type === 'message').map(gist), ['user: After']);
    await closeAll(again, back);
  });
});

describe('helpdesk: a message that is removed', () => {
  const isRemoved = ({ type }: HelpdeskFrame) => type === 'message_removed';
  const isEnd = ({ type, data }: HelpdeskFrame) => type === 'message' && data.sender_type === 'ai';

  /** A session of somebody who is logged in, and with it whoever may remove what is said in it. */
  async function visit() {
    const name = `owner-${++owners}`;
    const { headers } = await joinHelpdesk(parley, name);
    const { session_id } = await beginSession(parley, {}, headers);
    const { core } = parley.app;
    const caller = await core.accounts.identify(headers.authorization.slice(7), '127.0.0.1');
    const socket = await helpdeskSocket(parley, `session_id=${session_id}`, headers);
    const { cursor } = await socket.next();
    const say = (content: string) => socket.say('message', { session_id, content });
    const { id } = await core.conversations.open(caller, session_id.slice('sess_'.length));
    const remove = (messageId: string | number | undefined) =>
      core.conversations.removeMessage(caller, Number(String(messageId).replace('msg_', '')));
    return { session_id, id, headers, socket, cursor, say, remove };
  }
  let owners = 0;

  test('is told to its customer and to staff, who see the conversation as it is then', async () => {
    const agent = await sit(wang);
    const { session_id, id, headers, socket, say, remove } = await visit();
    say('One?');
    const call = await vendor.next();
    await call.delta('One.');
    call.finish();
    const answer = (await socket.until(isEnd)).at(-1);
    await remove(answer?.data.id);
    const [told] = (await socket.until(isRemoved)).slice(-1);
    assert.deepEqual(told?.data, { session_id, message_id: answer?.data.id });
    const removed = (await agent.until(isRemoved)).at(-1);
    const shown = await agent.next();
    assert.equal(shown.type, 'conversation');
    assert.equal(shown.data.last_message?.content, 'One?');
    assert.equal((shown.data as { message_count?: number }).message_count, 1);
    assert.deepEqual(removed?.data, { session_id, message_id: answer?.data.id });
    const { messages, total } = await messagesOf(parley, session_id, headers);
    assert.deepEqual([messages.map(({ content }) => content), total], [['One?'], 1]);
    const listed = await parley.app.core.desk.messages(wang.caller, id, { skip: 0, limit: 10 });
    assert.deepEqual(
      listed.messages.map(({ content }) => content),
      ['One?'],
    );
    await closeAll(agent, socket);
  });

  test('on its way is heard no more by anybody, and what is asked next is', async () => {
    const agent = await sit(wang);
    const { session_id, headers, socket, cursor, say, remove } = await visit();
    agent.say('read', { session_id });
    say('One?');
    const call = await vendor.next();
    await call.delta('On');
    const says = (text: string) => (frame: HelpdeskFrame) => frame.data.full_content === text;
    await socket.until(says('On'));
    await agent.until(says('On'));
    const question = (await messagesOf(parley, session_id, headers)).messages;
    await remove(question[1]?.id);
    await call.closed;
    await Promise.all([socket.until(isRemoved), agent.until(isRemoved)]);
    say('Two?');
    const next = await vendor.next();
    await next.delta('Two.');
    next.finish();
    for (const each of [socket, agent]) {
      const frames = about(session_id)(await each.until(isEnd));
      assert.ok(frames.some(says('Two.')));
      assert.equal(frames.at(-1)?.data.content, 'Two.');
    }
    const late = await helpdeskSocket(parley, `session_id=${session_id}&cursor=${cursor}`, headers);
    const missed = (await settled(late)).map(gist).filter((text) => !/^(auth|staff|customer)/u.test(text));
    assert.deepEqual(
      missed.filter((text) => !text.startsWith('stream')),
      ['user: One?', 'message_removed', 'user: Two?', 'ai: Two.'],
    );
    await closeAll(agent, socket, late);
  });
});
