import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makePerson, type Person } from '../../../../test/support/assistant.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import { startScriptedVendor, vendorUsage, type ScriptedVendor } from '../../../../test/support/vendor.ts';

interface DayBody {
  date: string;
  chat_count: number;
  message_count: number;
  avg_response_time: number;
  token_usage: number;
  error_count: number;
}
interface TotalBody {
  total_chats: number;
  total_messages: number;
  avg_response_time: number;
  total_tokens: number;
  total_errors: number;
}

const dayMs = 86_400_000;
const tokens = vendorUsage.total_tokens;

describe('assistant: statistics', () => {
  let parley: Parley;
  let vendor: ScriptedVendor;
  let mina: Person;
  let other: Person;
  /** The day before the newest, and the newest. */
  let days: string[];

  const chat = async (person: Person, session_id?: number) => {
    const body = { message: 'Hello', ...(session_id !== undefined && { session_id }) };
    const answered = person.call('POST', '/chat', body);
    const call = await vendor.next();
    await call.delta('Hi.');
    call.finish();
    return (await answered).body.session_id;
  };
  const fail = async (person: Person, session_id: number) => {
    const failing = person.call('POST', '/chat', { message: 'Hello', session_id });
    for (let attempt = 0; attempt < 2; attempt++) (await vendor.next()).refuse(500, 'no');
    assert.equal((await failing).status, 502);
  };

  before(async () => {
    vendor = await startScriptedVendor();
    const env = { PARLEY_FALLBACK: 'off' };
    parley = await startParley({ openAi: vendor.url, env, yaml: { access_token_ttl: '7d' } });
    mina = await makePerson(parley, 'mina');
    other = await makePerson(parley, 'other');
    // Noon, so that no test runs into the next day.
    parley.advance(dayMs - (Date.now() % dayMs) + dayMs / 2);
    const session = await chat(mina);
    await chat(mina, session);
    parley.advance(dayMs);
    await fail(mina, session);
    await chat(other);
    const { body } = await mina.call<DayBody[]>('GET', '/statistics/daily');
    days = body.slice(-2).map(({ date }) => date);
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });

  test('by the day, as the document has them, one’s own', async () => {
    const query = `start_date=${days[0]}&end_date=${days[1]}`;
    const { status, body } = await mina.call<DayBody[]>('GET', `/statistics/daily?${query}`);
    assert.equal(status, 200);
    const [first, second] = body;
    assert.equal(body.length, 2);
    assert.deepEqual(
      { ...first, avg_response_time: 0 },
      {
        date: days[0],
        chat_count: 1,
        message_count: 4,
        avg_response_time: 0,
        token_usage: 2 * tokens,
        error_count: 0,
      },
    );
    assert.ok((first?.avg_response_time ?? 0) > 0);
    assert.deepEqual(second, {
      date: days[1],
      chat_count: 0,
      message_count: 1,
      avg_response_time: 0,
      token_usage: second?.token_usage ?? Number.NaN,
      error_count: 1,
    });
  });

  test('by the day: without dates the last 30 days, each with a row', async () => {
    const { body } = await mina.call<DayBody[]>('GET', '/statistics/daily');
    assert.equal(body.length, 30);
    assertShape(body, [
      { date: '', chat_count: 0, message_count: 0, avg_response_time: 0, token_usage: 0, error_count: 0 },
    ]);
  });

  test('in total, one’s own; for agents and administrators the whole service’s', async () => {
    const { body: own } = await mina.call<TotalBody>('GET', '/statistics/total');
    assertShape(own, {
      total_chats: 1,
      total_messages: 1,
      avg_response_time: 1,
      total_tokens: 1,
      total_errors: 1,
    });
    assert.deepEqual([own.total_chats, own.total_messages, own.total_errors], [1, 5, 1]);
    for (const [name, role] of [
      ['staff', 'agent'],
      ['chief', 'admin'],
    ] as const) {
      const person = await makePerson(parley, name, role);
      const { body: all } = await person.call<TotalBody>('GET', '/statistics/total');
      assert.deepEqual([all.total_chats, all.total_messages, all.total_errors], [2, 7, 1]);
    }
  });

  for (const [query, field] of [
    ['start_date=2026-02-02&end_date=2026-02-01', 'start_date'],
    ['start_date=2026-02-30', 'start_date'],
    ['end_date=yesterday', 'end_date'],
    ['start_date=2024-01-01&end_date=2026-01-01', 'start_date'],
    ['start_date=', 'start_date'],
  ] as const) {
    test(`${query} is 400 REQ001`, async () => {
      const { status, body } = await mina.call('GET', `/statistics/daily?${query}`);
      assert.deepEqual([status, body.error.code, body.error.details], [400, 'REQ001', field]);
    });
  }
});
