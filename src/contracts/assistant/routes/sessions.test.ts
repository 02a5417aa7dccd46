import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  makePerson,
  type ErrorAnswer,
  type MessageBody,
  type Person,
  type SessionBody,
} from '../../../../test/support/assistant.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import { startScriptedVendor, type ScriptedVendor } from '../../../../test/support/vendor.ts';

/** assistant.md, "List Sessions" and "Get Session Messages". */
const documentedSession = {
  id: 1,
  title: 'A title',
  status: 'active',
  message_count: 2,
  last_message_time: '2026-01-01T00:00:00Z',
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
};
const documentedMessage = {
  id: 1,
  role: 'user',
  content: 'Hello',
  created_at: '2026-01-01T00:00:00Z',
  tokens: 1,
  status: 'sent',
};

let parley: Parley;
let vendor: ScriptedVendor;
before(async () => {
  vendor = await startScriptedVendor();
  parley = await startParley({ openAi: vendor.url });
});
after(async () => {
  await parley.close();
  await vendor.close();
});

async function chat(person: Person, message: string, session_id?: number): Promise<number> {
  const answered = person.call('POST', '/chat', { message, ...(session_id !== undefined && { session_id }) });
  const call = await vendor.next();
  await call.delta(`${message}!`);
  call.finish();
  return (await answered).body.session_id;
}

const messagesOf = async (person: Person, session: number, query = '') =>
  (await person.call<MessageBody[]>('GET', `/chat/sessions/${session}/messages?${query}`)).body;

describe('assistant: sessions', () => {
  let person: Person;
  let sessions: number[];
  before(async () => {
    person = await makePerson(parley, 'mina');
    sessions = [];
    for (const message of ['One', 'Two', 'Three']) sessions.push(await chat(person, message));
  });

  test('are listed newest first, as the document has them', async () => {
    const { status, body } = await person.call<SessionBody[]>('GET', '/chat/sessions');
    assert.equal(status, 200);
    assertShape(body, [documentedSession]);
    assert.deepEqual(
      body.map(({ title }) => title),
      ['Three', 'Two', 'One'],
    );
    assert.deepEqual([body[0]?.status, body[0]?.message_count], ['active', 2]);
  });

  test('are listed by pages', async () => {
    const titles = async (query: string) =>
      (await person.call<SessionBody[]>('GET', `/chat/sessions?${query}`)).body.map(({ title }) => title);
    assert.deepEqual(await titles('skip=1&limit=1'), ['Two']);
    assert.deepEqual(await titles('limit=2'), ['Three', 'Two']);
    assert.deepEqual(await titles('skip=3'), []);
    assert.deepEqual(await titles('skip=9007199254740991&limit=100'), []);
  });

  test('one is shown alone', async () => {
    const { body } = await person.call<SessionBody>('GET', `/chat/sessions/${sessions[0]}`);
    assertShape(body, documentedSession);
    assert.equal(body.title, 'One');
  });

  test('messages are listed oldest first, by pages', async () => {
    const session = sessions[0] ?? 0;
    await chat(person, 'More', session);
    const all = await messagesOf(person, session);
    assertShape(all, [documentedMessage]);
    assert.deepEqual(
      all.map(({ role, content, status }) => [role, content, status]),
      [
        ['user', 'One', 'sent'],
        ['assistant', 'One!', 'completed'],
        ['user', 'More', 'sent'],
        ['assistant', 'More!', 'completed'],
      ],
    );
    assert.deepEqual(await messagesOf(person, session, 'skip=1&limit=2'), all.slice(1, 3));
  });

  test('messages tell what a running answer has said, and what waits', async () => {
    const session = sessions[1] ?? 0;
    const both = [1, 2].map((n) => person.call('POST', '/chat', { message: `Q${n}`, session_id: session }));
    const call = await vendor.next();
    await call.delta('So far');
    const socket = await person.socket(session, 'stream=true');
    await socket.until(({ data }) => data.content === 'So far');
    const [, running, , queued] = (await messagesOf(person, session)).slice(-4);
    assert.deepEqual([running?.status, running?.content], ['streaming', 'So far']);
    assert.deepEqual([queued?.status, queued?.content], ['queued', '']);
    call.finish();
    (await vendor.next()).finish();
    await Promise.all(both);
    await socket.close();
  });

  for (const query of ['limit=0', 'limit=101', 'skip=-1', 'limit=x', 'skip=1.5']) {
    test(`${query} is 400 REQ001`, async () => {
      for (const path of ['/chat/sessions', `/chat/sessions/${sessions[0]}/messages`]) {
        const { status, body } = await person.call<ErrorAnswer>('GET', `${path}?${query}`);
        const [field] = query.split('=');
        assert.deepEqual([status, body.error.code, body.error.details], [400, 'REQ001', field]);
      }
    });
  }

  test('get another title, once under one key', async () => {
    const path = `/chat/sessions/${sessions[2]}`;
    const key = { 'idempotency-key': 'rename' };
    const first = await person.call<SessionBody>('PATCH', path, { title: '  Holidays ' }, key);
    assert.deepEqual([first.status, first.body.title], [200, 'Holidays']);
    await person.call('PATCH', path, { title: 'Work' });
    const again = await person.call<SessionBody>('PATCH', path, { title: '  Holidays ' }, key);
    assert.deepEqual([again.status, again.body.title], [200, 'Work']);
    for (const body of [
      {},
      { title: '' },
      { title: 'x'.repeat(201) },
      { title: 'two\nlines' },
      { title: 1 },
    ]) {
      const { status, body: refusal } = await person.call('PATCH', path, body);
      assert.deepEqual([status, refusal.error.code, refusal.error.details], [400, 'REQ001', 'title']);
    }
  });

  test('are rated, and rated anew', async () => {
    const path = `/chat/sessions/${sessions[2]}/rating`;
    const rated = await person.call<{ score: number }>('POST', path, { score: 2, comment: 'Hm.' });
    assert.equal(rated.status, 200);
    assertShape(rated.body, { session_id: 1, score: 1, comment: '', created_at: '2026-01-01T00:00:00Z' });
    const again = await person.call<{ score: number; comment: string }>('POST', path, { score: 5 });
    assert.deepEqual([again.body.score, again.body.comment], [5, '']);
    for (const score of [0, 6, 4.5, '5']) {
      const { status, body } = await person.call('POST', path, { score });
      assert.deepEqual([status, body.error.code, body.error.details], [400, 'REQ001', 'score']);
    }
  });

  test('stop ends what is on its way, and says what there was', async () => {
    const session = sessions[2] ?? 0;
    const stopped = (headers?: Record<string, string>) =>
      person.call<{ session_id: number; stopped: number; messages: MessageBody[] }>(
        'POST',
        `/chat/sessions/${session}/stop`,
        undefined,
        headers,
      );
    assert.deepEqual((await stopped()).body, { session_id: session, stopped: 0, messages: [] });
    const asked = person.call('POST', '/chat', { message: 'Stop?', session_id: session });
    const call = await vendor.next();
    await call.delta('Half');
    const socket = await person.socket(session, 'stream=true');
    await socket.until(({ data }) => data.content === 'Half');
    const key = { 'idempotency-key': 'stop' };
    const { status, body } = await stopped(key);
    assert.equal(status, 200);
    assert.equal(body.stopped, 1);
    assert.deepEqual([body.messages[0]?.status, body.messages[0]?.content], ['cancelled', 'Half']);
    const answer = await asked;
    assert.deepEqual([answer.status, answer.body.message], [200, body.messages[0]]);
    const next = person.call('POST', '/chat', { message: 'Go on?', session_id: session });
    const following = await vendor.next();
    assert.deepEqual((await stopped(key)).body, body);
    await following.delta('On.');
    following.finish();
    assert.equal((await next).body.message.content, 'On.');
    await socket.close();
  });

  test('are deleted, once under one key; then they are not there', async () => {
    const session = await chat(person, 'Away');
    const path = `/chat/sessions/${session}`;
    const key = { 'idempotency-key': 'delete' };
    const first = await person.call<object>('DELETE', path, undefined, key);
    assert.deepEqual([first.status, first.body], [200, { id: session, status: 'deleted' }]);
    const again = await person.call<object>('DELETE', path, undefined, key);
    assert.deepEqual([again.status, again.body], [200, first.body]);
    for (const [method, at] of [
      ['GET', path],
      ['GET', `${path}/messages`],
      ['DELETE', path],
    ] as const) {
      const { status, body } = await person.call(method, at);
      assert.deepEqual([status, body.error.code], [404, 'CHAT003']);
    }
  });

  test('a repeated key for something else is 400', async () => {
    const key = { 'idempotency-key': 'rename' };
    const { status, body } = await person.call(
      'PATCH',
      `/chat/sessions/${sessions[0]}`,
      { title: 'Else' },
      key,
    );
    assert.deepEqual([status, body.error.details], [400, 'Idempotency-Key']);
  });
});

describe('assistant: another’s session', () => {
  const ways: [string, string, object?][] = [
    ['GET', ''],
    ['GET', '/messages'],
    ['PATCH', '', { title: 'Mine' }],
    ['DELETE', ''],
    ['POST', '/stop'],
    ['POST', '/rating', { score: 1 }],
  ];
  test('is 404 CHAT003 in every way, also for an administrator, as one that is not there', async () => {
    const owner = await makePerson(parley, 'owner');
    const session = await chat(owner, 'Mine');
    for (const other of [await makePerson(parley, 'other'), await makePerson(parley, 'chief', 'admin')]) {
      for (const [method, path, body] of ways) {
        const theirs = await other.call<ErrorAnswer>(method, `/chat/sessions/${session}${path}`, body);
        const none = await other.call<ErrorAnswer>(method, `/chat/sessions/999999${path}`, body);
        const beyond = await other.call<ErrorAnswer>(
          method,
          `/chat/sessions/99999999999999999999${path}`,
          body,
        );
        for (const { status, body: refusal } of [theirs, none, beyond]) {
          assert.deepEqual([status, refusal.error.code], [404, 'CHAT003'], `${method} ${path}`);
        }
      }
    }
    const { body } = await owner.call<SessionBody>('GET', `/chat/sessions/${session}`);
    assert.equal(body.title, 'Mine');
  });
});
