import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { StaffCaller } from '../src/core/identity/caller.ts';
import { makeAccount } from './support/accounts.ts';
import { allTurnFrames, makePerson, turnFrames, type MessageBody, type Person } from './support/assistant.ts';
import { makeCompanion, type Companion } from './support/companion.ts';
import { startParley, type Parley } from './support/parley.ts';
import { startScriptedVendor, type ScriptedVendor } from './support/vendor.ts';

describe('while a person is in charge of a conversation', () => {
  let parley: Parley;
  let vendor: ScriptedVendor;
  let person: Person;
  let companion: Companion;
  let agent: StaffCaller;

  before(async () => {
    vendor = await startScriptedVendor();
    parley = await startParley({ openAi: vendor.url });
    person = await makePerson(parley, 'mina');
    companion = await makeCompanion(parley, vendor);
    const { id } = await makeAccount(parley, 'wang', 'agent');
    agent = { kind: 'user', ip: '', userId: id, loginId: 0, contract: 'helpdesk', role: 'agent' };
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });

  /** A conversation of assistant that the agent has taken, with its first exchange. */
  async function takenSession(): Promise<number> {
    const asked = person.call('POST', '/chat', { message: 'Hello?' });
    (await vendor.next()).finish();
    const { session_id: id } = (await asked).body;
    await parley.app.core.handoff.take(agent, id);
    return id;
  }

  it('assistant answers with the stored message', async () => {
    const session_id = await takenSession();
    const headers = { 'idempotency-key': 'k1' };
    const body = { session_id, message: 'Are you there?' };
    const first = await person.call('POST', '/chat', body, headers);
    assert.equal(first.status, 200);
    const { role, content, status } = first.body.message;
    assert.deepEqual([role, content, status], ['user', 'Are you there?', 'sent']);
    const again = await person.call('POST', '/chat', body, headers);
    assert.deepEqual(again.body, first.body);
  });

  it('assistant’s streams tell of the stored message, and end', async () => {
    const session_id = await takenSession();
    const responses = [
      await person.open('POST', '/chat', { session_id, message: 'One', stream: true }),
      await person.open('POST', `/chat/sessions/${session_id}/stream`, { message: 'Two' }),
    ];
    for (const [index, content] of ['One', 'Two'].entries()) {
      const frames = await allTurnFrames(responses[index] as Response);
      assert.deepEqual(
        frames.map(({ data }) => data.type),
        ['start', 'done'],
      );
      assert.equal(frames[1]?.data.message?.content, content);
    }
  });

  it('assistant’s socket shows the question, also to one who repeats it, and expects no answer', async () => {
    const socket = await person.socket(await takenSession());
    const frame = { type: 'message', id: 'a', data: { content: 'Are you there?' } };
    socket.send(frame);
    const isQuestion = ({ type, data }: { type: string; data: { content?: string } }) =>
      type === 'message' && data.content === 'Are you there?';
    await socket.until(isQuestion);
    socket.send(frame);
    socket.send({ type: 'ping', id: 'b' });
    const frames = await socket.until(({ type }) => type === 'pong');
    assert.ok(frames.every(({ type }) => type === 'message' || type === 'pong'));
    await socket.close();
  });

  it('a takeover ends the stream of an answer with what it had shown; what the vendor says later reaches nobody', async () => {
    const response = await person.open('POST', '/chat', { message: 'Tell me all', stream: true });
    const frames = turnFrames(response);
    const call = await vendor.next();
    const start = (await frames.next()).value;
    await call.delta('Shown.');
    const delta = (await frames.next()).value;
    assert.equal(delta?.data.content, 'Shown.');
    const id = start?.data.session_id ?? 0;
    await parley.app.core.handoff.take(agent, id);
    await call.closed;
    const rest = await Array.fromAsync(frames);
    assert.deepEqual(
      rest.map(({ data }) => [data.type, data.message?.content]),
      [['done', 'Shown.']],
    );
    const { body } = await person.call<MessageBody[]>('GET', `/chat/sessions/${id}/messages`);
    assert.deepEqual(
      body.map(({ content, status }) => [content, status]),
      [
        ['Tell me all', 'sent'],
        ['Shown.', 'cancelled'],
      ],
    );
  });

  it('companion has an empty response, and the message is in the chat', async () => {
    await companion.exchange('Hello?', 'Hi.');
    const { conversations, accounts, handoff } = parley.app.core;
    const account = await accounts.find(`${companion.username}@example.com`);
    const caller = { ...agent, userId: account?.id ?? 0, contract: 'companion', role: 'user' } as const;
    const chat = await conversations.newest(caller, 'companion');
    await handoff.take(agent, chat?.id ?? 0);
    const { status, body } = await companion.post('chat', { message: 'Are you there?' });
    assert.deepEqual([status, body.response, body.messages.at(-1)?.content], [200, '', 'Are you there?']);
    const socket = await companion.open();
    for (const id of ['a', 'b']) {
      socket.send({ type: 'message', id: 'x', content: 'And now?' });
      socket.send({ type: 'ping', id });
      const frames = await socket.until(({ type, id: answers }) => type === 'pong' && answers === id);
      assert.ok(
        frames.every(({ data }) => data?.content !== 'typing'),
        'nobody is making an answer',
      );
    }
    await socket.close();
  });
});
