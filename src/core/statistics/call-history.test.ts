import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newCall } from '../../storage/sample-rows.fixture.ts';
import {
  anonymous,
  answerOf,
  createBench,
  keyCaller,
  openTemporaryStorage,
  createScriptedProvider,
  question,
  userCaller,
} from '../completions/bench.fixture.ts';
import { complete } from '../completions/complete.ts';
import { stream } from '../completions/stream.ts';
import { createDayOf } from './calendar.ts';
import { createCallHistory } from './call-history.ts';

const page = { skip: 0, limit: 10 };
const asked = question('Why?', { cache: null });

describe('the history of calls', () => {
  it('is the caller’s own: what is called with a key is the key’s', async (t) => {
    const acme = createScriptedProvider('acme', { answer: () => answerOf('Because.') });
    const { completions, storage } = await createBench(t, { providers: [acme] });
    const history = createCallHistory({ calls: storage.apiCalls });
    for (const caller of [userCaller(5), keyCaller(5), userCaller(50), userCaller(5), anonymous]) {
      await complete(completions, caller, asked, AbortSignal.timeout(5_000));
    }
    const found = async (caller: Parameters<typeof history.list>[0]) => {
      const { calls, total } = await history.list(caller, {}, page);
      assert.equal(calls.length, total);
      return calls.map(({ id, owner }) => [id, owner]);
    };
    assert.deepEqual(await found(userCaller(5)), [
      [4, 'user:5'],
      [1, 'user:5'],
    ]);
    assert.deepEqual(await found(keyCaller(5)), [[2, 'key:5']]);
    assert.deepEqual(await found({ kind: 'guest', ip: '::1', conversationId: 5, userId: null }), []);
    await assert.rejects(history.list(anonymous, {}, page), { code: 'forbidden' });
  });

  it('finds calls under the alias that was asked for, failed and cut off ones too, and the model that stood in', async (t) => {
    const acme = createScriptedProvider('acme', { answer: () => answerOf('Because.') });
    const broken = createScriptedProvider('broken', {
      answer: () => Promise.reject(new Error('down')),
      stream: () => {
        throw new Error('down');
      },
    });
    const { completions, storage } = await createBench(t, {
      models: [
        { id: 'plus', provider: 'acme', aliases: ['plus-latest'] },
        { id: 'max', provider: 'broken' },
        { id: 'ultra', provider: 'broken' },
      ],
      providers: [acme, broken],
      fallback: { models: { max: ['plus'] } },
    });
    const history = createCallHistory({ calls: storage.apiCalls });
    const signal = AbortSignal.timeout(5_000);
    const ask = (model: string) => complete(completions, userCaller(5), { ...asked, model }, signal);
    for (const model of ['plus', 'plus-latest', 'max']) await ask(model);
    await assert.rejects(ask('ultra'));
    await assert.rejects(async () => {
      const input = { ...asked, model: 'ultra' };
      for await (const _group of stream(completions, userCaller(5), input, signal));
    });
    const found = async (model: string) => {
      const { calls, total } = await history.list(userCaller(5), { model }, page);
      assert.equal(calls.length, total);
      return calls.map(({ requestedModel, outcome }) => `${requestedModel} ${outcome}`);
    };
    assert.deepEqual(await found('plus'), ['max success', 'plus success']);
    assert.deepEqual(await found('plus-latest'), ['plus-latest success']);
    assert.deepEqual(await found('max'), []);
    assert.deepEqual(await found('ultra'), ['ultra failure', 'ultra failure']);
    assert.deepEqual(await found('nothing'), []);
  });

  it('goes by the days of the server’s time zone', async (t) => {
    const { apiCalls } = await openTemporaryStorage(t);
    const history = createCallHistory({ calls: apiCalls });
    const dayOf = createDayOf('Asia/Shanghai');
    for (const time of ['2026-09-21T15:59:59.999Z', '2026-09-21T16:00:00.000Z']) {
      const at = Date.parse(time);
      await apiCalls.record(newCall({ owner: 'user:5', at, day: dayOf(at), requestId: time }));
    }
    const found = async (fromDay?: string, toDay?: string) => {
      const { calls, total } = await history.list(userCaller(5), { fromDay, toDay }, page);
      assert.equal(calls.length, total);
      return calls.map(({ requestId }) => requestId.slice(11, 19)).join(' ');
    };
    assert.equal(await found('2026-09-21', '2026-09-21'), '15:59:59');
    assert.equal(await found('2026-09-22', '2026-09-22'), '16:00:00');
    assert.equal(await found(undefined, '2026-09-21'), '15:59:59');
    assert.equal(await found('2026-09-22'), '16:00:00');
    assert.equal(await found(), '16:00:00 15:59:59');
  });

  for (const [fromDay, toDay, field] of [
    ['2026-02-30', undefined, 'start_date'],
    ['2026-9-1', undefined, 'start_date'],
    ['', undefined, 'start_date'],
    [undefined, '2026-09-31', 'end_date'],
    [undefined, '2026-09-01T00:00:00Z', 'end_date'],
    ['2026-09-02', '2026-09-01', 'start_date'],
  ] as const) {
    it(`is refused from ${fromDay} to ${toDay}`, async (t) => {
      const { apiCalls } = await openTemporaryStorage(t);
      const list = createCallHistory({ calls: apiCalls }).list(userCaller(5), { fromDay, toDay }, page);
      await assert.rejects(list, { code: 'invalid_request', field });
    });
  }
});
