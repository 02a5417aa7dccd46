import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer, tokenOf } from '../../../../test/support/accounts.ts';
import { makeCompanion, type CompanionMessage } from '../../../../test/support/companion.ts';
import { send } from '../../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import { startScriptedVendor, type ScriptedVendor } from '../../../../test/support/vendor.ts';

const minuteMs = 60_000;

interface History {
  messages: CompanionMessage[];
  pagination: { total: number; page: number; pageSize: number };
}

describe('companion: history and figures', () => {
  let vendor: ScriptedVendor;
  let parley: Parley;
  before(async () => {
    vendor = await startScriptedVendor();
    parley = await startParley({
      openAi: vendor.url,
      env: { PARLEY_FALLBACK: 'off' },
      yaml: { providers: { openai: { retries: { attempts: 1 } } }, access_token_ttl: '100h' },
    });
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });
  const somebody = () => makeCompanion(parley, vendor);

  test('is over all chats, oldest first, in pages of 20', async () => {
    const ada = await somebody();
    for (let round = 0; round < 7; round++) await ada.exchange(`Q${round}`, `A${round}`);
    parley.advance(31 * minuteMs);
    for (let round = 7; round < 12; round++) await ada.exchange(`Q${round}`, `A${round}`);
    const all = Array.from({ length: 12 }, (_, round) => [`Q${round}`, `A${round}`]).flat();
    const page = async (query: string) => {
      const { body, status } = await ada.get<History>(`chat/history${query}`);
      assert.equal(status, 200);
      return { said: body.messages.map(({ content }) => content), pagination: body.pagination };
    };
    assert.deepEqual(await page(''), {
      said: all.slice(0, 20),
      pagination: { total: 24, page: 1, pageSize: 20 },
    });
    assert.deepEqual((await page('?page=2')).said, all.slice(20));
    assert.deepEqual(await page('?page=3&pageSize=5'), {
      said: all.slice(10, 15),
      pagination: { total: 24, page: 3, pageSize: 5 },
    });
    const turned = all.toReversed();
    assert.deepEqual((await page('?order=desc')).said, turned.slice(0, 20));
    assert.deepEqual((await page('?order=desc&page=5&pageSize=5')).said, turned.slice(20));
    assert.deepEqual((await page('?order=asc&pageSize=100')).said, all);
    for (const far of [`?page=3`, `?page=${Number.MAX_SAFE_INTEGER}`, `?order=desc&page=9000000000000000`]) {
      assert.deepEqual((await page(far)).said, [], far);
    }
    const { body } = await ada.get<History>('chat/history?pageSize=1');
    assertShape(body.messages[0], {
      id: '1',
      sessionId: '1',
      role: 'user',
      content: 'x',
      timestamp: '2026-01-01T10:00:00.000Z',
      status: 'read',
    });
    assert.equal(
      new Set(
        (await ada.get<History>('chat/history?pageSize=100')).body.messages.map(({ sessionId }) => sessionId),
      ).size,
      2,
    );
  });

  test('is empty for one who said nothing, and of nobody else', async () => {
    const [ada, ben] = [await somebody(), await somebody()];
    await ada.exchange('Mine', 'Yours');
    const { body } = await ben.get<History>('chat/history');
    assert.deepEqual(body, { messages: [], pagination: { total: 0, page: 1, pageSize: 20 } });
  });

  for (const query of ['page=0', 'page=-1', 'page=x', 'page=1.5', 'pageSize=0', 'pageSize=101', 'order=up']) {
    test(`${query} is 400`, async () => {
      const answer = await (await somebody()).get(`chat/history?${query}`);
      assert.equal(answer.status, 400);
      assert.ok(answer.body.detail.startsWith(`${query.split('=')[0]}: `), answer.body.detail);
    });
  }

  test('holds what was said through another contract', async () => {
    const ada = await somebody();
    const headers = bearer(await tokenOf(parley, ada.username));
    const asked = send(`${parley.url}/api/v1/chat`, 'POST', { message: 'To the assistant' }, headers);
    const call = await vendor.next();
    await call.delta('From the assistant');
    call.finish();
    assert.equal((await asked).status, 200);
    const { body } = await ada.get<History>('chat/history');
    assert.deepEqual(
      body.messages.map(({ content }) => content),
      ['To the assistant', 'From the assistant'],
    );
  });

  test('has the cursor that leads a socket on from it', async () => {
    const ada = await somebody();
    await ada.exchange('Before', 'Seen');
    const { headers } = await ada.get('chat/history');
    await ada.exchange('After', 'Missed');
    const socket = await ada.open(`&cursor=${headers.get('x-feed-cursor')}`);
    assert.equal((await socket.next()).data.content, 'After');
    await socket.close();
  });

  test('an answer that failed stands there without a text, so that pages and total agree', async () => {
    const ada = await somebody();
    const pending = ada.post('chat', { message: 'Fail' });
    (await vendor.next()).refuse(400, 'no');
    await pending;
    const { body } = await ada.get<History>('chat/history');
    assert.equal(body.messages.length, body.pagination.total);
    assert.deepEqual([body.messages[1]?.state, body.messages[1]?.content], ['failed', '']);
  });

  test('figures: chats, messages, time to answer, satisfaction', async () => {
    const ada = await somebody();
    const figures = async () => ({
      ...(await ada.get<Record<string, number>>('stats/chat')).body,
      ...(await ada.get<Record<string, number>>('stats/messages')).body,
    });
    assert.deepEqual(await figures(), {
      todayChats: 0,
      totalChats: 0,
      avgResponseTime: 0,
      satisfactionRate: 0,
      todayMessages: 0,
      totalMessages: 0,
      avgMessagesPerChat: 0,
    });
    for (const score of [5, 4, 1]) {
      await ada.exchange('Q', 'A');
      await ada.post('chat/rating', { score });
      parley.advance(31 * minuteMs);
    }
    await ada.exchange('Q', 'A');
    await ada.exchange('Q', 'A');
    const first = await figures();
    assert.equal(first['satisfactionRate'], 66.7);
    assert.equal(first['totalChats'], 4);
    assert.equal(first['totalMessages'], 10);
    assert.equal(first['avgMessagesPerChat'], 2.5);
    assert.ok(Number.isInteger(first['avgResponseTime']) && (first['avgResponseTime'] ?? 0) > 0);
    parley.advance(24 * 60 * minuteMs);
    await ada.exchange('Q', 'A');
    const next = await figures();
    assert.deepEqual(
      [next['todayChats'], next['todayMessages'], next['totalChats'], next['totalMessages']],
      [1, 2, 5, 12],
    );
    assert.equal(next['avgMessagesPerChat'], 2.4);
  });
});
