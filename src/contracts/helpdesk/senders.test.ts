import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startHelpdesk, type Helpdesk } from '../../../test/support/desk.ts';
import { helpdeskSocket, type HelpdeskFrame } from '../../../test/support/helpdesk-socket.ts';
import { beginSession, messagesOf, sendMessage, type MessageBody } from '../../../test/support/helpdesk.ts';

describe('helpdesk: who has said something', () => {
  let helpdesk: Helpdesk;
  before(async () => {
    helpdesk = await startHelpdesk();
  });
  after(() => helpdesk.parley.close());

  const isSaid = ({ type, data }: HelpdeskFrame) => type === 'message' && data.sender_type === 'human';

  test('is named alike everywhere, also once another has the conversation, and the account is gone', async () => {
    const { parley, boss, bob } = helpdesk;
    const wang = { email: 'wang@example.com', full_name: '客服小王', role: 'agent', password: 'password123' };
    const { id: wangId } = await boss.ask<{ id: number }>('POST', '/users', wang);
    const login = await fetch(`${parley.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: wang.email, password: wang.password }),
    });
    const { data } = (await login.json()) as { data: { access_token: string } };
    const headers = { authorization: `Bearer ${data.access_token}` };
    const { id, session } = await helpdesk.waiting('guest_s', 'Hello?');
    const { session_id } = session;
    const from = String(await parley.app.core.feed.head());
    const guest = await helpdeskSocket(parley, `session_id=${session_id}`);
    const staff = await helpdeskSocket(parley, '', bob.headers);

    const said = await sendMessage(parley, session_id, 'Zebra crossing', headers);
    const name = { id: wangId, name: '客服小王' };
    assert.deepEqual(said.body.data.sender, name);
    for (const socket of [guest, staff]) {
      assert.deepEqual((await socket.until(isSaid)).at(-1)?.data.sender, name);
      await socket.close();
    }
    await boss.ask('POST', `/conversations/${id}/assign`, { assignee_id: bob.id });

    const everywhere = async () => {
      const { messages } = await messagesOf(parley, session_id);
      const { last_message } = await boss.ask('GET', `/conversations/${id}`);
      const shown = await boss.ask<{ messages: MessageBody[] }>('GET', `/conversations/${id}/messages`);
      const { results } = await boss.ask<{ results: { message: MessageBody }[] }>('GET', '/search?q=zebra');
      const path = `${parley.url}/api/v1/admin/conversations/${id}/export`;
      const json = await fetch(`${path}?format=json`, { headers: boss.headers });
      const exported = (await json.json()) as { messages: MessageBody[] };
      const csv = await (await fetch(`${path}?format=csv`, { headers: boss.headers })).text();
      assert.ok(csv.includes(`human,${wangId},客服小王,`), csv);
      const senders = [
        messages.at(-1)?.sender,
        last_message?.sender,
        shown.messages.at(-1)?.sender,
        results[0]?.message.sender,
        exported.messages.at(-1)?.sender,
      ];
      for (const query of [`session_id=${session_id}&cursor=${from}`, `cursor=${from}`]) {
        const back = await helpdeskSocket(parley, query, query.startsWith('cursor') ? bob.headers : {});
        senders.push((await back.until(isSaid)).at(-1)?.data.sender);
        await back.close();
      }
      return senders;
    };
    assert.deepEqual(await everywhere(), Array(7).fill(name));
    await boss.ask('DELETE', `/users/${wangId}`);
    assert.deepEqual(await everywhere(), Array(7).fill(name));
  });

  test('of the staff is a customer in a session of one’s own', async () => {
    const { parley, ann, bob } = helpdesk;
    const { session_id, user_id } = await beginSession(parley, {}, ann.headers);
    assert.equal(user_id, String(ann.id));
    const { body } = await sendMessage(parley, session_id, 'What is Parley?', ann.headers);
    const { sender_type, sender, reply } = body.data;
    assert.deepEqual([sender_type, sender, reply?.sender_type], ['user', null, 'ai']);
    const { body: answered } = await sendMessage(parley, session_id, 'Hello, Ann.', bob.headers);
    assert.deepEqual([answered.data.sender_type, answered.data.reply], ['human', null]);
  });
});
