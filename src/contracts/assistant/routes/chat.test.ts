import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer, forge, makeAccount, tokenOf } from '../../../../test/support/accounts.ts';
import {
  allTurnFrames,
  makePerson,
  personWith,
  textIn,
  type ChatAnswer,
  type ErrorAnswer,
  type MessageBody,
  type Person,
} from '../../../../test/support/assistant.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { read, send } from '../../../../test/support/gateway.ts';
import { startParley, type Parley, type ParleyOptions } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import { startScriptedVendor, vendorUsage, type ScriptedVendor } from '../../../../test/support/vendor.ts';

/** assistant.md, "Send Message". */
const documented = {
  session_id: 1,
  message: { id: 1, role: 'assistant', content: '', created_at: '2026-01-01T00:00:00Z', tokens: 1 },
  total_tokens: 2,
};

interface Tested {
  parley: Parley;
  vendor: ScriptedVendor;
  person: Person;
}

async function startTested(options: ParleyOptions = {}): Promise<Tested> {
  const vendor = await startScriptedVendor();
  const parley = await startParley({ ...options, openAi: vendor.url });
  return { parley, vendor, person: await makePerson(parley, 'mina') };
}

async function close({ parley, vendor }: Tested): Promise<void> {
  await parley.close();
  await vendor.close();
}

/** Asks, lets the vendor answer `text`, and resolves to the answer. */
async function chat(
  { vendor, person }: Pick<Tested, 'vendor' | 'person'>,
  body: object,
  text = 'Fine.',
): Promise<ChatAnswer> {
  const answered = person.call('POST', '/chat', body);
  const call = await vendor.next();
  await call.delta(text);
  call.finish();
  const { status, body: answer } = await answered;
  assert.equal(status, 200, JSON.stringify(answer));
  return answer;
}

const errorOf = ({ error }: ErrorAnswer) => [error.code, error.details];

describe('assistant: POST /chat', () => {
  let tested: Tested;
  before(async () => {
    tested = await startTested();
  });
  after(() => close(tested));

  test('answers as the document has it, in a new session', async () => {
    const answer = await chat(tested, { message: 'How are you?' }, 'Fine, thank you.');
    assertShape(answer, documented);
    assert.equal(answer.message.role, 'assistant');
    assert.equal(answer.message.content, 'Fine, thank you.');
    assert.equal(answer.message.status, 'completed');
    assert.equal(answer.message.tokens, vendorUsage.completion_tokens);
    assert.equal(answer.total_tokens, vendorUsage.total_tokens);
    const { body } = await tested.person.call<{ title: string }>(
      'GET',
      `/chat/sessions/${answer.session_id}`,
    );
    assert.equal(body.title, 'How are you?');
  });

  test('fields that are null count as left out', async () => {
    const nothing = {
      session_id: null,
      system_prompt: null,
      model: null,
      temperature: null,
      max_tokens: null,
    };
    const answered = tested.person.call('POST', '/chat', { message: 'Nothing else', ...nothing });
    const call = await tested.vendor.next();
    call.finish();
    assert.equal((await answered).status, 200);
    assert.deepEqual(call.body['messages'], [{ role: 'user', content: 'Nothing else' }]);
    assert.ok(!('temperature' in call.body) && !('max_tokens' in call.body));
    const wrong = await tested.person.call<ErrorAnswer>('POST', '/chat', { message: null });
    assert.deepEqual([wrong.status, wrong.body.error.code], [400, 'REQ001']);
    const high = await tested.person.call<ErrorAnswer>('POST', '/chat', { message: 'Hi', temperature: 2.1 });
    assert.deepEqual([high.status, high.body.error.details], [400, 'temperature']);
  });

  test('the model sees the session, and its prompt in every turn', async () => {
    const first = await chat(tested, { message: 'One?', system_prompt: 'Be brief.' }, 'One.');
    const { session_id } = first;
    const answered = tested.person.call('POST', '/chat', {
      message: 'Two?',
      session_id,
      temperature: 0.5,
      max_tokens: 50,
      model: 'gpt-4o',
    });
    const call = await tested.vendor.next();
    await call.delta('Two.');
    call.finish();
    const { body } = await answered;
    assert.equal(body.session_id, session_id);
    assert.equal(body.message.model, 'gpt-4o');
    assert.deepEqual(call.body['messages'], [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'One?' },
      { role: 'assistant', content: 'One.' },
      { role: 'user', content: 'Two?' },
    ]);
    assert.equal(call.body['temperature'], 0.5);
    assert.equal(call.body['model'], 'gpt-4o');
  });

  test('sent twice at once with one key: one turn, one call, one answer', async () => {
    const { person, vendor } = tested;
    const before = vendor.count();
    const key = { 'idempotency-key': 'twice' };
    const both = [1, 2].map(() => person.call('POST', '/chat', { message: 'Once?' }, key));
    const call = await vendor.next();
    await call.delta('Once.');
    call.finish();
    const [one, other] = await Promise.all(both);
    assert.deepEqual(one?.body, other?.body);
    assert.equal(one?.body.message.content, 'Once.');
    const replayed = [one, other].filter((answer) => answer?.headers.get('idempotent-replayed') === 'true');
    assert.equal(replayed.length, 1);

    const third = await person.call('POST', '/chat', { message: 'Once?' }, key);
    assert.equal(third.headers.get('idempotent-replayed'), 'true');
    assert.deepEqual(third.body, one?.body);
    assert.equal(vendor.count(), before + 1);
    const { body: messages } = await person.call<MessageBody[]>(
      'GET',
      `/chat/sessions/${third.body.session_id}/messages`,
    );
    assert.equal(messages.length, 2);
  });

  test('another body under the same key is refused, and another person’s key is another', async () => {
    const { person, parley, vendor } = tested;
    const key = { 'idempotency-key': 'mine' };
    const first = person.call('POST', '/chat', { message: 'Mine?' }, key);
    (await vendor.next()).finish();
    await first;
    const other = await person.call('POST', '/chat', { message: 'Else?' }, key);
    assert.equal(other.status, 400);
    assert.deepEqual(errorOf(other.body), ['REQ001', 'Idempotency-Key']);
    const neighbour = await makePerson(parley, 'neighbour');
    const theirs = neighbour.call('POST', '/chat', { message: 'Theirs?' }, key);
    const call = await vendor.next();
    await call.delta('Yes.');
    call.finish();
    assert.equal((await theirs).body.message.content, 'Yes.');
  });

  test('a client that goes away ends its waiting, not the answer', async () => {
    const { person, vendor } = tested;
    const { session_id } = await chat(tested, { message: 'Stay?' });
    const leaving = new AbortController();
    const gone = person.call('POST', '/chat', { message: 'Gone?', session_id }, {}, leaving.signal);
    const call = await vendor.next();
    await call.delta('Still ');
    leaving.abort();
    await assert.rejects(gone);
    await call.delta('here.');
    call.finish();
    const answer = await eventually(async () => {
      const { body } = await person.call<MessageBody[]>('GET', `/chat/sessions/${session_id}/messages`);
      return body.find(({ status, content }) => status === 'completed' && content !== 'Fine.');
    });
    assert.equal(answer.content, 'Still here.');
  });

  test('"stream": true answers with events', async () => {
    const { person, vendor } = tested;
    const opened = person.open('POST', '/chat', { message: 'Stream?', stream: true });
    const call = await vendor.next();
    await call.delta('In ');
    await call.delta('pieces.');
    call.finish();
    const frames = await allTurnFrames(await opened);
    assert.equal(frames[0]?.data.type, 'start');
    assert.equal(frames.at(-1)?.data.type, 'done');
    assert.equal(textIn(frames), 'In pieces.');
  });

  const refused: [string, unknown, string][] = [
    ['no message', {}, 'message'],
    ['an empty message', { message: ' ' }, 'message'],
    ['a message that is no text', { message: 7 }, 'message'],
    ['a session that is no number', { message: 'Hi', session_id: '1' }, 'session_id'],
    ['a session below 1', { message: 'Hi', session_id: 0 }, 'session_id'],
    ['a session that is no whole number', { message: 'Hi', session_id: 1.5 }, 'session_id'],
    ['too hot', { message: 'Hi', temperature: 2.1 }, 'temperature'],
    ['too cold', { message: 'Hi', temperature: -0.1 }, 'temperature'],
    ['no tokens', { message: 'Hi', max_tokens: 0 }, 'max_tokens'],
    ['an unknown model', { message: 'Hi', model: 'no-such-model' }, 'model'],
    ['a list', [], 'body'],
    ['no JSON', '{"message"', 'body'],
  ];
  for (const [what, body, field] of refused) {
    test(`${what} is 400 REQ001`, async () => {
      const answer = await tested.person.call('POST', '/chat', body);
      assert.equal(answer.status, 400);
      assert.deepEqual(errorOf(answer.body), ['REQ001', field]);
    });
  }

  test('a key that cannot be one is 400 REQ001', async () => {
    const key = { 'idempotency-key': 'a b' };
    const { status, body } = await tested.person.call('POST', '/chat', { message: 'Hi' }, key);
    assert.deepEqual([status, ...errorOf(body)], [400, 'REQ001', 'Idempotency-Key']);
  });

  test('another’s session, and none, are the same 404 CHAT003', async () => {
    const { session_id } = await chat(tested, { message: 'Mine.' });
    const stranger = await makePerson(tested.parley, 'stranger');
    const theirs = await stranger.call('POST', '/chat', { message: 'Hi', session_id });
    const none = await stranger.call('POST', '/chat', { message: 'Hi', session_id: 999_999 });
    assert.equal(theirs.status, 404);
    assert.equal(theirs.body.error.code, 'CHAT003');
    assert.deepEqual(theirs.body, none.body);
  });

  test('without a valid token the body is good for both contracts of the address', async () => {
    const { parley } = tested;
    const token = await tokenOf(parley, 'mina');
    const forged: [Record<string, string>, string][] = [
      [{}, 'AUTH003'],
      [bearer('nonsense'), 'AUTH003'],
      [bearer(forge(token)), 'AUTH003'],
    ];
    for (const [headers, code] of forged) {
      const url = `${parley.url}/api/v1/chat`;
      const { status, body } = await read<ErrorAnswer>(send(url, 'POST', { message: 'Hi' }, headers));
      assert.equal(status, 401);
      assert.deepEqual(errorOf(body), [code, '']);
      assert.equal(body.detail, body.error.message);
    }
  });
});

describe('assistant: what fails', () => {
  test('a login that expired is AUTH002, one that was ended AUTH003, an API key AUTH004', async (t) => {
    const parley = await startParley();
    t.after(() => parley.close());
    await makeAccount(parley, 'mina');
    const token = await tokenOf(parley, 'mina');
    const ended = await tokenOf(parley, 'mina');
    await send(`${parley.url}/api/v1/logout`, 'POST', undefined, bearer(ended));
    const stopped = await personWith(parley, ended).call('GET', '/chat/sessions');
    assert.deepEqual([stopped.status, stopped.body.error.code], [401, 'AUTH003']);
    const key = { 'x-api-key': await parley.key() };
    const byKey = await read<ErrorAnswer>(send(`${parley.url}/api/v1/chat/sessions`, 'GET', undefined, key));
    assert.deepEqual([byKey.status, byKey.body.error.code], [403, 'AUTH004']);
    parley.advance(3_601_000);
    const late = await personWith(parley, token).call('POST', '/chat', { message: 'Hi' });
    assert.deepEqual([late.status, late.body.error.code], [401, 'AUTH002']);
    assert.equal(late.body.detail, late.body.error.message);
  });

  test('a provider that fails is 502 CHAT002, and the question is kept as failed', async (t) => {
    const tested = await startTested({ env: { PARLEY_FALLBACK: 'off' } });
    t.after(() => close(tested));
    const { person, vendor } = tested;
    const failing = person.call('POST', '/chat', { message: 'Hi' }, { 'idempotency-key': 'f' });
    for (let attempt = 0; attempt < 2; attempt++) (await vendor.next()).refuse(500, 'no');
    const { status, body } = await failing;
    assert.deepEqual([status, body.error.code], [502, 'CHAT002']);
    const again = await person.call('POST', '/chat', { message: 'Hi' }, { 'idempotency-key': 'f' });
    assert.deepEqual([again.status, again.body], [502, body]);
    const { body: sessions } = await person.call<{ id: number }[]>('GET', '/chat/sessions');
    const { body: messages } = await person.call<MessageBody[]>(
      'GET',
      `/chat/sessions/${sessions[0]?.id}/messages`,
    );
    assert.deepEqual(
      messages.map(({ status, content }) => [status, content]),
      [
        ['failed', 'Hi'],
        ['failed', ''],
      ],
    );
  });

  test('one session too many is 403 CHAT001; old ones go on', async (t) => {
    const tested = await startTested({ yaml: { limits: { assistant: { sessions_per_user: 1 } } } });
    t.after(() => close(tested));
    const { session_id } = await chat(tested, { message: 'First.' });
    const { status, body } = await tested.person.call('POST', '/chat', { message: 'Second.' });
    assert.deepEqual([status, body.error.code], [403, 'CHAT001']);
    await chat(tested, { message: 'Go on.', session_id });
  });

  test('more answers at once than the server makes are 503 SYS002 with Retry-After', async (t) => {
    const tested = await startTested({ yaml: { limits: { turns_at_once: 1 } } });
    t.after(() => close(tested));
    const { person, vendor } = tested;
    const hanging = person.call('POST', '/chat', { message: 'Long?' });
    const call = await vendor.next();
    const { status, body, headers } = await person.call('POST', '/chat', { message: 'Short?' });
    assert.deepEqual([status, body.error.code], [503, 'SYS002']);
    assert.match(headers.get('retry-after') ?? '', /^\d+$/u);
    await call.delta('Done.');
    call.finish();
    assert.equal((await hanging).status, 200);
    await chat(tested, { message: 'Now?' });
  });

  test('in maintenance everything but the accounts is 503 SYS001, except for administrators', async (t) => {
    const tested = await startTested();
    t.after(() => close(tested));
    const { parley, person } = tested;
    const admin = await makePerson(parley, 'chief', 'admin');
    await parley.app.core.maintenance.set(true, 'Back at noon.');
    for (const [method, path] of [
      ['POST', '/chat'],
      ['GET', '/chat/sessions'],
      ['GET', '/statistics/total'],
    ] as const) {
      const { status, body } = await person.call(
        method,
        path,
        method === 'POST' ? { message: 'Hi' } : undefined,
      );
      assert.deepEqual([status, body.error.code, body.error.message], [503, 'SYS001', 'Back at noon.']);
    }
    await tokenOf(parley, 'mina');
    await chat({ ...tested, person: admin }, { message: 'Hi' });
    await parley.app.core.maintenance.set(false);
    assert.equal((await person.call('GET', '/chat/sessions')).status, 200);
  });

  test('61 calls a minute are one too many: 429 RATE001, whatever was called', async (t) => {
    const parley = await startParley({ env: { PARLEY_RATE_LIMITS: 'on' } });
    t.after(() => parley.close());
    const person = await makePerson(parley, 'mina');
    const paths = ['/chat/sessions', '/statistics/total', '/chat/sessions/999/messages'];
    for (let call = 0; call < 60; call++) {
      const { headers } = await person.call('GET', paths[call % paths.length] ?? '');
      assert.equal(headers.get('x-ratelimit-limit'), '60');
      assert.equal(headers.get('x-ratelimit-remaining'), String(59 - call));
    }
    const { status, body, headers } = await person.call('POST', '/chat', { message: 'Hi' });
    assert.deepEqual([status, body.error.code], [429, 'RATE001']);
    assert.match(headers.get('retry-after') ?? '', /^\d+$/u);
    const other = await makePerson(parley, 'other');
    assert.equal((await other.call('GET', '/chat/sessions')).status, 200);
  });
});
