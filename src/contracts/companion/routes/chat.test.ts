import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeCompanion, type Companion, type CompanionError } from '../../../../test/support/companion.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import { startScriptedVendor, type ScriptedVendor } from '../../../../test/support/vendor.ts';
import { send } from '../../../../test/support/gateway.ts';
import { bearer } from '../../../../test/support/accounts.ts';

const minuteMs = 60_000;
const example = {
  response: 'Hello',
  messages: [
    {
      role: 'user',
      content: 'Hi',
      timestamp: '2026-01-01T10:00:00.000Z',
      id: '1',
      sessionId: '1',
      status: 'read',
    },
  ],
};

describe('companion: chat', () => {
  let vendor: ScriptedVendor;
  let parley: Parley;
  before(async () => {
    vendor = await startScriptedVendor();
    parley = await startParley({
      openAi: vendor.url,
      env: { PARLEY_FALLBACK: 'off' },
      yaml: { providers: { openai: { retries: { attempts: 1 } } }, access_token_ttl: '10h' },
    });
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });
  const somebody = () => makeCompanion(parley, vendor);

  test("the document's request gets the document's answer", async () => {
    const ada = await somebody();
    const body = await ada.exchange('Good day', 'Hello');
    assertShape(body, example);
    assert.deepEqual(Object.keys(body), ['response', 'messages']);
    assert.equal(body.response, 'Hello');
    const said = body.messages.map(({ role, content, status }) => [role, content, status]);
    assert.deepEqual(said, [
      ['user', 'Good day', 'read'],
      ['assistant', 'Hello', 'sent'],
    ]);
    assert.match(body.messages[0]?.id ?? '', /^\d+$/);
  });

  test('a chat goes on until 30 minutes pass without a message; then a new one begins', async () => {
    const ada = await somebody();
    const first = await ada.exchange('One', 'First');
    parley.advance(29 * minuteMs);
    const second = await ada.exchange('Two', 'Second');
    assert.equal(second.messages.length, 4);
    assert.equal(second.messages[3]?.sessionId, first.messages[0]?.sessionId);
    parley.advance(31 * minuteMs);
    const pending = ada.post('chat', { message: 'Three' });
    const call = await vendor.next();
    assert.deepEqual(
      call.body['messages'],
      [{ role: 'user', content: 'Three' }],
      'nothing of the chat before',
    );
    await call.delta('Third');
    call.finish();
    const { body } = await pending;
    assert.equal(body.messages.length, 2);
    assert.notEqual(body.messages[0]?.sessionId, first.messages[0]?.sessionId);
  });

  test('the newest 100 messages come with the answer', async () => {
    const ada = await somebody();
    let last = await ada.exchange('Question 0', 'Answer 0');
    for (let round = 1; round <= 50; round++)
      last = await ada.exchange(`Question ${round}`, `Answer ${round}`);
    assert.equal(last.messages.length, 100);
    assert.equal(last.messages[0]?.content, 'Question 1');
    assert.equal(last.messages[99]?.content, 'Answer 50');
  });

  test('a provider that fails is 500 with detail, and its answer is left out', async () => {
    const ada = await somebody();
    const pending = ada.post('chat', { message: 'Fail' });
    (await vendor.next()).refuse(400, 'no');
    const { status, body } = await pending;
    assert.equal(status, 500);
    assert.deepEqual(Object.keys(body), ['detail']);
    const next = await ada.exchange('Again', 'Well');
    assert.deepEqual(
      next.messages.map(({ content, state }) => [content, state]),
      [
        ['Fail', 'failed'],
        ['Again', 'sent'],
        ['Well', 'completed'],
      ],
    );
  });

  test('the answer is made to its end though its client leaves', async () => {
    const ada = await somebody();
    const leave = new AbortController();
    const url = `${parley.url}/api/v1/chat`;
    const gone = send(url, 'POST', { message: 'Wait for me' }, bearer(ada.token), leave.signal);
    const call = await vendor.next();
    leave.abort();
    await assert.rejects(gone);
    await call.delta('Still here');
    call.finish();
    const last = await eventually(async () => {
      const { body } = await ada.get<{ messages: { content: string }[] }>('chat/history?order=desc');
      return body.messages[0]?.content === 'Still here' ? body.messages : undefined;
    });
    assert.equal(last.length, 2);
  });

  describe('what is not valid is 400 with the field named', () => {
    const cases: [title: string, body: unknown, field: string][] = [
      ['no message', {}, 'message'],
      ['a message of nothing', { message: '' }, 'message'],
      ['a message of blanks', { message: ' \n ' }, 'message'],
      ['a message that is a number', { message: 42 }, 'message'],
      ['a list', [{ message: 'Hello' }], 'body'],
      ['malformed JSON', '{"message": "Hel', ''],
    ];
    for (const [title, body, field] of cases) {
      test(title, async () => {
        const ada = await somebody();
        const answer = await ada.post<CompanionError>('chat', body);
        assert.equal(answer.status, 400);
        assert.deepEqual(Object.keys(answer.body), ['detail']);
        assert.ok(answer.body.detail.includes(field), answer.body.detail);
      });
    }
  });

  describe('a request sent again under its key', () => {
    test('attaches to the running answer: one turn, one call, one text', async () => {
      const ada = await somebody();
      const calls = vendor.count();
      const key = { 'idempotency-key': 'one' };
      const first = ada.post('chat', { message: 'Once' }, key);
      const call = await vendor.next();
      await call.delta('Only ');
      const second = ada.post('chat', { message: 'Once' }, key);
      await call.delta('once');
      call.finish();
      const [one, two] = await Promise.all([first, second]);
      const third = await ada.post('chat', { message: 'Once' }, key);
      assert.deepEqual([one.body.response, two.body.response], ['Only once', 'Only once']);
      assert.deepEqual(third.body, one.body);
      assert.deepEqual(
        [one, two, third].map(({ headers }) => headers.get('idempotent-replayed')),
        [null, 'true', 'true'],
      );
      assert.equal(vendor.count(), calls + 1);
      assert.equal(third.body.messages.length, 2);
    });

    test('is refused with another body', async () => {
      const ada = await somebody();
      const key = { 'idempotency-key': 'two' };
      const first = ada.post('chat', { message: 'One' }, key);
      (await vendor.next()).finish();
      await first;
      const { status, body } = await ada.post('chat', { message: 'Other' }, key);
      assert.equal(status, 400);
      assert.match(body.detail, /^Idempotency-Key: /);
    });

    test('is somebody else’s where the person is', async () => {
      const [ada, ben] = [await somebody(), await somebody()];
      const key = { 'idempotency-key': 'three' };
      for (const who of [ada, ben]) {
        const pending = who.post('chat', { message: 'Mine' }, key);
        (await vendor.next()).finish();
        assert.equal((await pending).headers.get('idempotent-replayed'), null);
      }
    });
  });

  describe('stop', () => {
    test('ends the provider’s work and keeps what was said', async () => {
      const ada = await somebody();
      const pending = ada.post('chat', { message: 'Talk' });
      const call = await vendor.next();
      await call.delta('Half an');
      await eventually(async () => {
        const { body } = await ada.get<{ messages: { content: string }[] }>('chat/history');
        return body.messages[1]?.content === 'Half an' ? true : undefined;
      });
      const stopped = await ada.post<{ stopped: number; messages: { content: string }[] }>('chat/stop');
      assert.equal(stopped.status, 200);
      assert.equal(stopped.body.stopped, 1);
      assert.equal(stopped.body.messages[0]?.content, 'Half an');
      await call.closed;
      const { status, body } = await pending;
      assert.deepEqual([status, body.response], [200, 'Half an']);
    });

    test('sent again under its key, stops nothing newer, and says what it stopped', async () => {
      const ada = await somebody();
      const key = { 'idempotency-key': 'stop' };
      const first = ada.post('chat', { message: 'Talk' });
      await vendor.next();
      const stopped = await ada.post<{ stopped: number }>('chat/stop', undefined, key);
      assert.equal(stopped.body.stopped, 1);
      await first;
      const next = ada.post('chat', { message: 'Go on' });
      const call = await vendor.next();
      assert.deepEqual((await ada.post('chat/stop', undefined, key)).body, stopped.body);
      await call.delta('On');
      call.finish();
      assert.equal((await next).body.response, 'On');
    });

    test('of an answer that had not begun gives its client an empty one', async () => {
      const ada = await somebody();
      const pending = ada.post('chat', { message: 'Talk' });
      await vendor.next();
      await ada.post('chat/stop');
      const { status, body } = await pending;
      assert.deepEqual([status, body.response, body.messages.length], [200, '', 1]);
    });

    test('where nothing runs, stops nothing', async () => {
      const ada = await somebody();
      assert.deepEqual((await ada.post('chat/stop')).body, { stopped: 0, messages: [] });
      await ada.exchange('Hello', 'Hello');
      assert.deepEqual((await ada.post('chat/stop')).body, { stopped: 0, messages: [] });
    });

    test('does not stop somebody else’s', async () => {
      const [ada, ben] = [await somebody(), await somebody()];
      const pending = ada.post('chat', { message: 'Talk' });
      const call = await vendor.next();
      assert.deepEqual((await ben.post('chat/stop')).body, { stopped: 0, messages: [] });
      await call.delta('Whole');
      call.finish();
      assert.equal((await pending).body.response, 'Whole');
    });
  });
});

describe('companion: rating', () => {
  let vendor: ScriptedVendor;
  let parley: Parley;
  before(async () => {
    vendor = await startScriptedVendor();
    parley = await startParley({ openAi: vendor.url, yaml: { access_token_ttl: '10h' } });
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });

  interface RatingBody extends CompanionError {
    sessionId: string;
    score: number;
    comment: string | null;
    timestamp: string;
  }
  const rate = (who: Companion, body: unknown, headers?: Record<string, string>) =>
    who.post<RatingBody>('chat/rating', body, headers);

  test('is of the current chat, or the newest, and 404 where there is none', async () => {
    const ada = await makeCompanion(parley, vendor);
    const none = await rate(ada, { score: 5 });
    assert.equal(none.status, 404);
    assert.deepEqual(Object.keys(none.body), ['detail']);
    const { messages } = await ada.exchange('Hello', 'Hello');
    const given = await rate(ada, { score: 4, comment: 'Good.' });
    assert.equal(given.status, 200);
    const { sessionId, score, comment } = given.body;
    assert.deepEqual([sessionId, score, comment], [messages[0]?.sessionId, 4, 'Good.']);
    parley.advance(60 * minuteMs);
    assert.equal((await rate(ada, { score: 2, comment: null })).body.sessionId, sessionId);
  });

  test('sent again under its key, names the chat that it rated, though another is current by now', async () => {
    const ada = await makeCompanion(parley, vendor);
    await ada.exchange('Hello', 'Hello');
    const key = { 'idempotency-key': 'rating' };
    const first = await rate(ada, { score: 3 }, key);
    parley.advance(60 * minuteMs);
    await ada.exchange('Hello again', 'Hello');
    assert.deepEqual((await rate(ada, { score: 3 }, key)).body, first.body);
    assert.equal((await rate(ada, { score: 4 }, key)).status, 400);
  });

  for (const body of [
    {},
    { score: 0 },
    { score: 6 },
    { score: 4.5 },
    { score: '5' },
    { score: 5, comment: 7 },
  ]) {
    test(`${JSON.stringify(body)} is 400`, async () => {
      const ada = await makeCompanion(parley, vendor);
      await ada.exchange('Hello', 'Hello');
      const answer = await rate(ada, body);
      assert.equal(answer.status, 400);
      assert.match(answer.body.detail, /^(score|comment): /);
    });
  }
});

describe('companion: limits', () => {
  test('60 calls a minute and user, chat, history and socket together', async (t) => {
    const parley = await startParley({
      env: { PARLEY_RATE_LIMITS: 'on' },
      yaml: { limits: { companion: { chat_per_minute: 4 } } },
    });
    t.after(() => parley.close());
    const vendor = { next: () => Promise.reject(new Error('no vendor')) } as unknown as ScriptedVendor;
    const ada = await makeCompanion(parley, vendor);
    const ben = await makeCompanion(parley, vendor);
    assert.equal((await ada.post('chat', { message: 'Hello' })).status, 200);
    assert.equal((await ada.get('chat/history')).status, 200);
    assert.equal((await ada.post('chat/stop')).status, 200);
    const socket = await ada.open();
    socket.send({ type: 'message', content: 'Hello' });
    await socket.until(({ type, data }) => type === 'message' && data.role === 'assistant');
    socket.send({ type: 'message', content: 'Too much' });
    const refused = await socket.until(({ type }) => type === 'error');
    assert.match(refused.at(-1)?.data.content ?? '', /4 a minute/);
    const over = await ada.post('chat', { message: 'Hello' });
    assert.equal(over.status, 429);
    assert.deepEqual(Object.keys(over.body), ['detail']);
    assert.match(over.headers.get('retry-after') ?? '', /^\d+$/);
    assert.equal((await ada.get('stats/chat')).status, 200);
    assert.equal((await ben.post('chat', { message: 'Hello' })).status, 200);
    await socket.close();
  });
});
