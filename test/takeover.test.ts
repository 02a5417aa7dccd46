import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  allTurnFrames,
  makePerson,
  type ChatAnswer,
  type MessageBody,
  type Person,
  type SessionFrame,
  type SessionSocket,
} from './support/assistant.ts';
import {
  gist as companionGist,
  makeCompanion,
  type Companion,
  type CompanionFrame,
  type CompanionMessage,
  type CompanionSocket,
} from './support/companion.ts';
import { startHelpdesk, type Helpdesk } from './support/desk.ts';
import { gist, helpdeskSocket, type HelpdeskSocket } from './support/helpdesk-socket.ts';
import { sendMessage } from './support/helpdesk.ts';
import { startScriptedVendor, type ScriptedVendor } from './support/vendor.ts';

let desk: Helpdesk;
let vendor: ScriptedVendor;
let agents: HelpdeskSocket;
let made = 0;

before(async () => {
  vendor = await startScriptedVendor();
  desk = await startHelpdesk({ openAi: vendor.url });
  agents = await helpdeskSocket(desk.parley, '', desk.ann.headers);
});
after(async () => {
  await agents.close();
  await desk.parley.close();
  await vendor.close();
});

/** Ann takes the conversation; resolves to the id by which the helpdesk calls it. */
async function take(id: number | string): Promise<string> {
  return (await desk.ann.ask('POST', `/conversations/${id}/assign`)).session_id;
}

/** Ann says something over HTTP. */
async function say(sessionId: string, text: string): Promise<void> {
  const { status, body } = await sendMessage(desk.parley, sessionId, text, desk.ann.headers);
  assert.equal(status, 201, JSON.stringify(body));
}

describe('a takeover of an assistant session', () => {
  /** What a frame is about, in a few words; nothing of what only matters for a moment. */
  const lasting = ({ type, data }: SessionFrame): string[] => {
    const { role, status, sender_type, content, agent_type } = data as Record<string, string | undefined>;
    if (type === 'status') return [`status ${status} ${agent_type}`];
    if (type !== 'message' || status === 'streaming') return [];
    return [`${sender_type ?? role}: ${content} (${status})`];
  };

  async function begin(): Promise<{ person: Person; id: number; socket: SessionSocket; call: Call }> {
    const person = await makePerson(desk.parley, `mina-${++made}`);
    const asked = person.call('POST', '/chat', { message: 'Hello?' });
    const first = await vendor.next();
    await first.delta('Hi.');
    first.finish();
    const { session_id: id } = (await asked).body;
    const socket = await person.socket(id, 'stream=true');
    socket.send({ type: 'message', id: 'q', data: { content: 'Tell me all' } });
    return { person, id, socket, call: await vendor.next() };
  }

  /** What the history has, in the words of `lasting`. */
  async function historyOf(person: Person, id: number): Promise<string[]> {
    const { body } = await person.call<MessageBody[]>('GET', `/chat/sessions/${id}/messages`);
    return body.flatMap((data) => (data.content === '' ? [] : lasting({ type: 'message', data })));
  }

  /** All frames that had come before a ping was answered. */
  async function settled(socket: SessionSocket): Promise<SessionFrame[]> {
    socket.send({ type: 'ping', id: 'settled' });
    return (await socket.until(({ type, id }) => type === 'pong' && id === 'settled')).slice(0, -1);
  }

  it('shows who is in charge, what was said until then, and what the person says; a cut at any place loses nothing', async () => {
    const { person, id, socket, call } = await begin();
    await call.delta('Part');
    const frames = await socket.until(({ data }) => data.status === 'streaming');
    const sessionId = await take(id);
    frames.push(...(await socket.until(({ type }) => type === 'status')));
    await call.closed;
    await say(sessionId, 'I am Ann.');
    frames.push(...(await socket.until(({ data }) => data.content === 'I am Ann.')));
    await agents.until(({ data }) => data.session_id === sessionId && data.by === 'customer');
    agents.say('typing', { session_id: sessionId, is_typing: true });
    const [typing] = await socket.until(({ type }) => type === 'typing');
    const { id: annId } = desk.ann;
    const agent = { id: annId, name: 'ann' };
    assert.deepEqual(typing?.data, { role: 'assistant', sender_type: 'human', agent, is_typing: true });
    socket.send({ type: 'typing' });
    await agents.until((frame) => gist(frame) === 'typing user' && frame.data.session_id === sessionId);
    socket.send({ type: 'message', id: 'b', data: { content: 'Hello Ann' } });
    frames.push(...(await socket.until(({ data }) => data.content === 'Hello Ann')));
    await agents.until((frame) => gist(frame) === 'user: Hello Ann');
    agents.say('message', { session_id: sessionId, content: 'How can I help?' });
    frames.push(...(await socket.until(({ data }) => data.content === 'How can I help?')));
    await desk.ann.ask('PATCH', `/conversations/${id}`, { status: 'resolved' });
    frames.push(...(await socket.until(({ type }) => type === 'status')));
    socket.send({ type: 'message', id: 'c', data: { content: 'Once more' } });
    const last = await vendor.next();
    await last.delta('Yes.');
    last.finish();
    frames.push(...(await socket.until(({ data }) => data.status === 'completed')));
    const shown = frames.flatMap(lasting);
    assert.deepEqual(shown, [
      'user: Tell me all (sent)',
      'assistant: Part (cancelled)',
      'status active human',
      'human: I am Ann. (completed)',
      'user: Hello Ann (sent)',
      'human: How can I help? (completed)',
      'status resolved human',
      'status active ai',
      'user: Once more (sent)',
      'assistant: Yes. (completed)',
    ]);
    const history = await historyOf(person, id);
    assert.deepEqual(
      history.slice(2),
      shown.filter((text) => !text.startsWith('status')),
    );
    await socket.close();
    for (const [index, { cursor = '' }] of frames.entries()) {
      const again = await person.socket(id, `stream=true&cursor=${cursor}`);
      assert.deepEqual((await settled(again)).flatMap(lasting), frames.slice(index + 1).flatMap(lasting));
      await again.close();
    }
    const { body } = await person.call<{ total_messages: number; total_errors: number }>(
      'GET',
      '/statistics/total',
    );
    assert.deepEqual([body.total_messages, body.total_errors], [history.length, 0]);
  });

  it('before a word was said is no answer: whoever waits, or hears the stream, gets the question', async () => {
    const { person, id, socket, call } = await begin();
    const body = { session_id: id, message: 'And this?' };
    const waiting = person.call('POST', '/chat', body, { 'idempotency-key': 'w' });
    const response = person.open('POST', `/chat/sessions/${id}/stream`, { message: 'And that?' });
    const heard = response.then(allTurnFrames);
    const missing = new Set(['And this?', 'And that?']);
    while (missing.size > 0) missing.delete((await socket.next()).data.content ?? '');
    await take(id);
    await call.closed;
    const { status, body: answer } = await waiting;
    const { role, content } = answer.message;
    assert.deepEqual([status, role, content, answer.message.status], [200, 'user', 'And this?', 'sent']);
    const again = await person.call<ChatAnswer>('POST', '/chat', body, { 'idempotency-key': 'w' });
    assert.deepEqual(again.body, answer);
    const done = (await heard).at(-1)?.data;
    assert.deepEqual(
      [done?.type, done?.message?.role, done?.message?.content],
      ['done', 'user', 'And that?'],
    );
    const frames = await socket.until(({ type }) => type === 'status');
    assert.deepEqual(frames.flatMap(lasting), ['status active human']);
    assert.ok(
      frames.every(({ type }) => type !== 'typing'),
      'none of those that waited has begun',
    );
    await socket.close();
  });

  it('in the middle of an answer: the socket saw what the history has, in its order', async () => {
    for (let phase = 0; phase < 8; phase++) {
      const { person, id, socket, call } = await begin();
      const frames: SessionFrame[] = [];
      for (let piece = 0; piece < phase % 4; piece++) await call.delta(`${piece} `);
      const taken = take(id);
      if (phase >= 4) void call.delta('late ').then(() => call.finish());
      const sessionId = await taken;
      await Promise.all([say(sessionId, 'One'), say(sessionId, 'Two')]);
      socket.send({ type: 'message', data: { content: 'Thank you' } });
      frames.push(...(await socket.until(({ data }) => data.content === 'Thank you')));
      const shown = frames.flatMap(lasting);
      assert.deepEqual(
        shown.filter((text) => !text.startsWith('status')),
        (await historyOf(person, id)).slice(2),
      );
      const status = shown.indexOf('status active human');
      assert.ok(
        status > 0 && shown.findIndex((text) => text.startsWith('human')) > status,
        'nobody speaks who has not joined',
      );
      assert.ok(
        shown.slice(status).every((text) => !text.startsWith('assistant')),
        'the AI is silent from then on',
      );
      await socket.close();
    }
  });
});

type Call = Awaited<ReturnType<ScriptedVendor['next']>>;

describe('a takeover of a companion chat', () => {
  const isStreaming = ({ data }: CompanionFrame) => data?.status === 'streaming';

  /** What stays of a frame: not the text of an answer on its way, nor that a person types. */
  const lasting = (frame: CompanionFrame): string[] => {
    const { sender_type, content } = frame.data as CompanionMessage & { sender_type?: string };
    if (isStreaming(frame) || (content === 'typing' && sender_type === 'human')) return [];
    return [frame.type === 'message' ? said(frame.data) : companionGist(frame)];
  };
  const said = (message: CompanionMessage & { sender_type?: string }) =>
    `${message.sender_type ?? message.role}: ${message.content} (${message.state})`;

  async function begin(): Promise<{ companion: Companion; id: string; socket: CompanionSocket; call: Call }> {
    const companion = await makeCompanion(desk.parley, vendor);
    const { messages } = await companion.exchange('Hello?', 'Hi.');
    const socket = await companion.open('&stream=true');
    socket.send({ type: 'message', id: 'q', content: 'Tell me all' });
    return { companion, id: messages[0]?.sessionId ?? '', socket, call: await vendor.next() };
  }

  async function historyOf(companion: Companion): Promise<string[]> {
    const { body } = await companion.get<{ messages: CompanionMessage[] }>('chat/history?pageSize=100');
    return body.messages.filter(({ content }) => content !== '').map(said);
  }

  it('shows that a person has joined, what they say, what they have read, and that they have left', async () => {
    const { companion, id, socket, call } = await begin();
    await call.delta('Part');
    const frames = await socket.until(isStreaming);
    const until = async (...texts: string[]) => {
      const missing = new Set(texts);
      while (missing.size > 0) {
        const frame = await socket.next();
        frames.push(frame);
        for (const text of lasting(frame)) missing.delete(text);
      }
    };
    const sessionId = await take(id);
    await until('assistant human_joined', 'assistant delivered');
    await call.closed;
    await say(sessionId, 'I am Ann.');
    await until('human: I am Ann. (completed)', 'assistant delivered');
    agents.say('typing', { session_id: sessionId, is_typing: true });
    const typing = await socket.next();
    assert.deepEqual([typing.data.role, typing.data.content], ['assistant', 'typing']);
    socket.send({ type: 'typing' });
    await agents.until((frame) => gist(frame) === 'typing user' && frame.data.session_id === sessionId);
    const { body } = await companion.post('chat', { message: 'Hello Ann' });
    assert.deepEqual([body.response, body.messages.at(-1)?.content], ['', 'Hello Ann']);
    await until('user: Hello Ann (sent)', 'user sent', 'user delivered');
    agents.say('read', { session_id: sessionId });
    await until('user read');
    socket.send({ type: 'read' });
    await until('assistant read');
    await desk.ann.ask('PATCH', `/conversations/${id}`, { status: 'resolved' });
    await until('assistant human_left');
    const shown = frames.flatMap(lasting);
    assert.deepEqual(shown, [
      'user: Tell me all (sent)',
      'user sent',
      'user delivered',
      'user read',
      'assistant typing',
      'assistant: Part (cancelled)',
      'assistant human_joined',
      'assistant delivered',
      'human: I am Ann. (completed)',
      'assistant delivered',
      'user: Hello Ann (sent)',
      'user sent',
      'user delivered',
      'user read',
      'assistant read',
      'assistant human_left',
    ]);
    assert.deepEqual(
      (await historyOf(companion)).slice(2),
      shown.filter((text) => text.endsWith(')')),
    );
    await socket.close();
    for (const [index, { cursor }] of frames.entries()) {
      const again = await companion.open(`&cursor=${cursor}`);
      again.send({ type: 'ping', id: 'settled' });
      const missed = await again.until(({ type }) => type === 'pong');
      assert.deepEqual(missed.slice(0, -1).flatMap(lasting), frames.slice(index + 1).flatMap(lasting));
      await again.close();
    }
    const { body: figures } = await companion.get<{ totalMessages: number }>('stats/messages');
    assert.equal(figures.totalMessages, (await historyOf(companion)).length);
  });

  it('that goes from one person to another, and back to the queue or the AI, tells who is there', async () => {
    const { id, socket, call } = await begin();
    const told: string[] = [];
    const tell = async (content: string) => {
      const frames = await socket.until(({ type, data }) => type === 'status' && data.content === content);
      told.push(...frames.flatMap(lasting));
    };
    await call.delta('Part');
    const to = (assignee_id: number | null) =>
      desk.boss.ask('PATCH', `/conversations/${id}`, { assignee_id });
    await socket.until(isStreaming);
    await to(desk.ann.id);
    await tell('human_joined');
    await to(desk.bob.id);
    await tell('human_joined');
    await to(null);
    await tell('human_left');
    await desk.boss.ask('PATCH', `/conversations/${id}`, { priority: 'high' });
    await desk.boss.ask('PATCH', `/conversations/${id}`, { status: 'closed' });
    await to(desk.bob.id);
    await tell('human_joined');
    assert.deepEqual(
      told.filter((text) => text !== 'assistant delivered'),
      [
        'assistant: Part (cancelled)',
        'assistant human_joined',
        'assistant human_joined',
        'assistant human_left',
        'assistant human_joined',
      ],
    );
    await socket.close();
  });

  it('before a word was said answers nothing, and shows no answer', async () => {
    const { companion, id, socket, call } = await begin();
    const waiting = companion.post('chat', { message: 'And this?' });
    await socket.until(({ data }) => data.content === 'And this?');
    await take(id);
    await call.closed;
    const { status, body } = await waiting;
    assert.deepEqual([status, body.response, body.messages.at(-1)?.content], [200, '', 'And this?']);
    const frames = await socket.until(({ data }) => data.content === 'human_joined');
    assert.ok(frames.every(({ type }) => type === 'status'));
    await socket.close();
  });

  it('in the middle of an answer: the socket saw what the history has, in its order', async () => {
    for (let phase = 0; phase < 8; phase++) {
      const { companion, id, socket, call } = await begin();
      for (let piece = 0; piece < phase % 4; piece++) await call.delta(`${piece} `);
      const taken = take(id);
      if (phase >= 4) void call.delta('late ').then(() => call.finish());
      const sessionId = await taken;
      await Promise.all([say(sessionId, 'One'), say(sessionId, 'Two')]);
      socket.send({ type: 'message', content: 'Thank you' });
      const frames = await socket.until(({ data }) => data.content === 'Thank you');
      const shown = frames.flatMap(lasting);
      assert.deepEqual(
        shown.filter((text) => text.endsWith(')')),
        (await historyOf(companion)).slice(2),
      );
      const joined = frames.findIndex(({ data }) => data.content === 'human_joined');
      assert.ok(joined > 0, 'it is told who has joined');
      assert.ok(!frames.slice(joined).some(isStreaming), 'the AI is silent from then on');
      await socket.close();
    }
  });
});
