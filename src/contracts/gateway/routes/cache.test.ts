import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { LLMock } from '@copilotkit/aimock';
import { allEvents } from '../../../../test/support/event-stream.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { complete, read, send, stream, type ErrorBody } from '../../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import { answerAsUsual, startMock, vendorText, vendorUsage } from '../../../../test/support/vendor.ts';
import * as examples from '../examples.fixture.ts';

type Stats = typeof examples.cacheStats;
interface WarmBody {
  warmed: number;
  skipped: number;
  failed: number;
  entries: { model: string; prompt: string; cache_key: string }[];
}

const model = 'gpt-3.5-turbo';
const stats = async (parley: Parley, headers?: Record<string, string>) =>
  (await read<Stats>(send(`${parley.url}/api/v1/cache/stats`, 'GET', undefined, headers))).body;
const warm = (parley: Parley, body: unknown, headers?: Record<string, string>) =>
  read<WarmBody>(send(`${parley.url}/api/v1/cache/warm`, 'POST', body, headers));
const clear = (parley: Parley, query = '', headers?: Record<string, string>) =>
  read<{ cleared: number }>(send(`${parley.url}/api/v1/cache/clear${query}`, 'DELETE', undefined, headers));

/** What a completion says of the cache: header, field and score. */
async function cacheSays(
  parley: Parley,
  body: object,
  headers: Record<string, string> = {},
): Promise<[header: string | null, cached: boolean, score: number | null]> {
  const answer = await complete(parley.url, { model, ...body }, headers);
  assert.equal(answer.status, 200);
  const { cached, similarity_score: score } = answer.body;
  return [answer.headers.get('x-cache-status'), cached, score];
}
const miss = ['MISS', false, null];
const hit = ['HIT', true, 1];
const bypass = ['BYPASS', false, null];

describe('the response cache', () => {
  let mock: LLMock;
  let parley: Parley;
  before(async () => {
    mock = await startMock();
    parley = await startParley({ openAi: mock.url });
  });
  beforeEach(async () => {
    answerAsUsual(mock);
    await clear(parley);
  });
  after(async () => {
    await parley.close();
    await mock.stop();
  });

  describe('lookups', () => {
    test('the second identical completion is a HIT with the same answer, and asks nobody', async () => {
      const first = await complete(parley.url, examples.chatRequest);
      const second = await complete(parley.url, examples.chatRequest);
      assert.equal(first.headers.get('x-cache-status'), 'MISS');
      assert.equal(second.headers.get('x-cache-status'), 'HIT');
      assertShape(second.body, examples.chatResponse);
      assert.equal(second.body.cached, true);
      assert.equal(second.body.similarity_score, 1);
      assert.equal(second.body.response, vendorText);
      assert.equal(second.body.model, 'gpt-3.5-turbo');
      assert.equal(second.body.cache_key, first.body.cache_key);
      assert.deepEqual(second.body.usage, vendorUsage);
      assert.notEqual(second.body.request_id, first.body.request_id);
      assert.equal(mock.getRequests().length, 1);
    });

    test('a similar question is a HIT with its score', async () => {
      assert.deepEqual(await cacheSays(parley, { message: 'How do I reset my password?' }), miss);
      const [header, cached, score] = await cacheSays(parley, {
        message: 'Hi, how do I reset my password? Thanks!',
      });
      assert.deepEqual([header, cached], ['HIT', true]);
      assert.ok(score !== null && score >= 0.95 && score <= 1.0001, `score ${score}`);
    });

    test('a question that only looks similar is a MISS', async () => {
      await cacheSays(parley, { message: 'How do I enable dark mode?' });
      assert.deepEqual(await cacheSays(parley, { message: 'How do I disable dark mode?' }), miss);
    });

    const history = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello' },
    ];
    for (const [what, change] of [
      ['another model', { model: 'gpt-4' }],
      ['another temperature', { temperature: 0.1 }],
      ['another max_tokens', { max_tokens: 5 }],
      ['another system prompt', { system_prompt: 'You are a pirate' }],
      ['a history', { conversation_history: history }],
    ] as const) {
      test(`${what} is another question`, async () => {
        const message = 'How do I reset my password?';
        await cacheSays(parley, { message });
        assert.deepEqual(await cacheSays(parley, { message, ...change }), miss);
        assert.deepEqual(await cacheSays(parley, { message, ...change }), hit);
      });
    }

    test('with a history only the very same question hits', async () => {
      const conversation_history = history;
      await cacheSays(parley, { message: 'How do I reset my password?', conversation_history });
      assert.deepEqual(
        await cacheSays(parley, { message: 'how do i reset my password', conversation_history }),
        miss,
      );
    });

    for (const directive of ['no-cache', 'No-Cache', 'max-age=0, no-cache']) {
      test(`Cache-Control: ${directive} skips reading, but writes`, async () => {
        const message = 'What is the weather?';
        await cacheSays(parley, { message });
        const headers = { 'cache-control': directive };
        assert.deepEqual(await cacheSays(parley, { message }, headers), bypass);
        assert.equal(mock.getRequests().length, 2);

        await cacheSays(parley, { message: 'Written past the reader' }, headers);
        assert.deepEqual(await cacheSays(parley, { message: 'Written past the reader' }), hit);
      });
    }

    test('Cache-Control: no-store skips both', async () => {
      const message = 'Keep this to yourself';
      const headers = { 'cache-control': 'no-store' };
      assert.deepEqual(await cacheSays(parley, { message }, headers), bypass);
      assert.deepEqual(await cacheSays(parley, { message }), miss);
      assert.deepEqual(await cacheSays(parley, { message }, headers), bypass);
    });

    test('a streamed answer goes into the cache', async () => {
      await (await stream(parley.url, { message: 'Streamed first', model })).text();
      const { body } = await complete(parley.url, { message: 'Streamed first', model });
      assert.equal(body.cached, true);
      assert.equal(body.response, vendorText);
    });

    test('a streamed answer comes from the cache', async () => {
      await cacheSays(parley, { message: 'Whole first' });
      const response = await stream(parley.url, { message: 'Whole first', model });
      assert.equal(response.headers.get('x-cache-status'), 'HIT');
      const events = await allEvents(response);
      const text = events.map(({ chunk }) => (chunk as string | undefined) ?? '').join('');
      assert.equal(text, vendorText);
      assert.deepEqual(events.at(-1)?.['usage'], vendorUsage);
      assert.equal(mock.getRequests().length, 1);
    });
  });

  describe('owners', () => {
    test('entries are never shared between two keys, or with callers without one', async () => {
      const [first, second] = [await parley.key(), await parley.key()];
      const message = 'What is my secret?';
      assert.deepEqual(await cacheSays(parley, { message }, { 'x-api-key': first }), miss);
      assert.deepEqual(await cacheSays(parley, { message }, { 'x-api-key': second }), miss);
      assert.deepEqual(await cacheSays(parley, { message }), miss);
      assert.deepEqual(await cacheSays(parley, { message }, { 'x-api-key': first }), hit);
      const similar = { message: 'what is my secret' };
      const third = await parley.key();
      assert.deepEqual(await cacheSays(parley, similar, { 'x-api-key': third }), miss);
    });

    test('unless configured so', async (t) => {
      const sharing = await startParley({ openAi: mock.url, yaml: { cache: { scope: 'shared' } } });
      t.after(() => sharing.close());
      const [first, second] = [await sharing.key(), await sharing.key()];
      await cacheSays(sharing, { message: 'What is everybody’s?' }, { 'x-api-key': first });
      assert.deepEqual(
        await cacheSays(sharing, { message: 'What is everybody’s?' }, { 'x-api-key': second }),
        hit,
      );
    });
  });

  describe('GET /api/v1/cache/stats', () => {
    test('is in the shape of the document, and counts', async (t) => {
      const fresh = await startParley({ openAi: mock.url });
      t.after(() => fresh.close());
      const before = await stats(fresh);
      assertShape(before, examples.cacheStats, ['.last_eviction']);
      assert.deepEqual(
        [before.hits, before.misses, before.hit_rate, before.entries, before.cache_size_human],
        [0, 0, 0, 0, '0 B'],
      );

      await cacheSays(fresh, { message: 'Count me' });
      await cacheSays(fresh, { message: 'Count me' });
      await cacheSays(fresh, { message: 'Count me' });
      await cacheSays(fresh, { message: 'Do not count me' }, { 'cache-control': 'no-store' });
      const after = await stats(fresh);
      assert.deepEqual(
        [after.hits, after.misses, after.hit_rate, after.total_requests, after.entries],
        [2, 1, 0.667, 3, 1],
      );
      assert.ok(after.cache_size_bytes > 0);
      assert.ok(after.avg_response_time_ms > 0);
      assert.ok(after.memory_usage_percent >= 0 && after.memory_usage_percent <= 100);
      assert.deepEqual([after.evictions, after.last_eviction], [0, null]);
    });
  });

  describe('bounds', () => {
    test('bytes: the least recently used goes first, and is counted', async (t) => {
      const small = await startParley({ openAi: mock.url, yaml: { cache: { max_bytes: '8KiB' } } });
      t.after(() => small.close());
      const asking = (number: number) => ({ message: `${number}: ${'x'.repeat(1000)}` });
      await cacheSays(small, asking(1));
      await cacheSays(small, asking(2));
      assert.deepEqual(await cacheSays(small, asking(1)), hit);
      await cacheSays(small, asking(3));
      assert.deepEqual(await cacheSays(small, asking(1)), hit);
      assert.deepEqual(await cacheSays(small, asking(2)), miss);
      const figures = await stats(small);
      assert.ok(figures.evictions >= 1);
      assertShape(figures, examples.cacheStats);
      assert.ok(figures.cache_size_bytes <= 8 * 1024);
    });

    test('an answer larger than the whole cache is just not kept', async (t) => {
      const tiny = await startParley({ openAi: mock.url, yaml: { cache: { max_bytes: '1KiB' } } });
      t.after(() => tiny.close());
      const large = { message: 'x'.repeat(2000) };
      assert.deepEqual(await cacheSays(tiny, large), miss);
      assert.deepEqual(await cacheSays(tiny, large), miss);
      assert.equal((await stats(tiny)).entries, 0);
    });

    test('time: entries expire, exact and similar', async (t) => {
      const timed = await startParley({ openAi: mock.url });
      t.after(() => timed.close());
      const dayMs = 24 * 60 * 60 * 1000;
      const message = 'How do I reset my password?';
      await cacheSays(timed, { message });
      await cacheSays(timed, { message: 'What is TCP?' });
      timed.advance(dayMs - 60_000);
      assert.deepEqual(await cacheSays(timed, { message }), hit);
      timed.advance(60_001);
      assert.deepEqual(await cacheSays(timed, { message: 'how do i reset my password' }), miss);
      assert.deepEqual(await cacheSays(timed, { message: 'What is TCP?' }), miss);
    });
  });

  describe('restarts', () => {
    test('an entry is a HIT after a restart, exact and similar, for its owner alone', async (t) => {
      const first = await startParley({ openAi: mock.url });
      t.after(() => first.close());
      const secret = await first.key();
      const headers = { 'x-api-key': secret };
      await cacheSays(first, { message: 'How do I reset my password?' }, headers);
      await cacheSays(first, { message: 'What is TCP?' });
      await first.restart();
      await eventually(async () => ((await stats(first)).entries === 2 ? true : undefined));
      assert.deepEqual(await cacheSays(first, { message: 'How do I reset my password?' }, headers), hit);
      const [header, , score] = await cacheSays(first, { message: 'how do i reset my password' }, headers);
      assert.equal(header, 'HIT');
      assert.ok(score !== null && score >= 0.95);
      assert.deepEqual(await cacheSays(first, { message: 'What is TCP?' }), hit);
      assert.deepEqual(await cacheSays(first, { message: 'How do I reset my password?' }), miss);
    });

    test('what was cleared or has expired does not come back', async (t) => {
      const first = await startParley({ openAi: mock.url });
      t.after(() => first.close());
      await cacheSays(first, { message: 'To be cleared' });
      await clear(first);
      await cacheSays(first, { message: 'To expire' });
      first.advance(24 * 60 * 60 * 1000 + 1);
      await cacheSays(first, { message: 'To stay' });
      await first.restart();
      await eventually(async () => ((await stats(first)).entries > 0 ? true : undefined));
      assert.deepEqual(await cacheSays(first, { message: 'To stay' }), hit);
      assert.deepEqual(await cacheSays(first, { message: 'To be cleared' }), miss);
      assert.deepEqual(await cacheSays(first, { message: 'To expire' }), miss);
    });
  });

  describe('POST /api/v1/cache/warm', () => {
    test("takes the document's example, and at most as many as it says", async () => {
      const { status, body } = await warm(parley, examples.warmRequest);
      assert.equal(status, 200);
      assert.deepEqual([body.warmed, body.skipped, body.failed], [10, 0, 0]);
      assert.equal(body.entries.length, 10);
      assertShape(body.entries[0], { model, prompt: 'Hello', cache_key: 'hash_xyz' });
      assert.deepEqual(await cacheSays(parley, { message: body.entries[0]?.prompt }), hit);
    });

    test('what is there already is skipped', async () => {
      const request = { patterns: ['greeting'], models: [model], limit: 3 };
      assert.equal((await warm(parley, request)).body.warmed, 3);
      const { body } = await warm(parley, request);
      assert.deepEqual([body.warmed, body.skipped, body.failed], [0, 3, 0]);
      assert.equal(body.entries.length, 3);
    });

    test('literal prompts, several models, and one prompt is warm for all of its requests', async () => {
      const prompt = 'When do you open on Sundays?';
      const { body } = await warm(parley, { patterns: [prompt], models: [model, 'gpt-4'] });
      assert.deepEqual([body.warmed, body.entries.length], [2, 2]);
      assert.deepEqual(new Set(body.entries.map((entry) => entry.model)), new Set([model, 'gpt-4']));
      assert.deepEqual(await cacheSays(parley, { message: prompt, model: 'gpt-4' }), hit);
    });

    test('the default model and a limit of 10 where nothing is said', async () => {
      const { body } = await warm(parley, { patterns: ['greeting', 'help', 'about'] });
      assert.equal(body.warmed, 10);
      assert.equal(body.entries[0]?.model, 'gpt-4o-mini');
    });

    test('sets of the configuration', async (t) => {
      const own = await startParley({
        openAi: mock.url,
        yaml: { prompt_sets: { orders: ['Where is it?'] } },
      });
      t.after(() => own.close());
      const { body } = await warm(own, { patterns: ['orders'], models: [model] });
      assert.deepEqual(
        body.entries.map(({ prompt }) => prompt),
        ['Where is it?'],
      );
    });

    test('what fails is counted, and the rest goes on', async (t) => {
      const strict = await startParley({ openAi: mock.url, env: { PARLEY_FALLBACK: 'off' } });
      t.after(() => strict.close());
      mock.clearFixtures();
      mock.onMessage('bad', { error: { message: 'No' }, status: 400 });
      mock.onMessage('good', { content: 'ok' });
      const { status, body } = await warm(strict, { patterns: ['bad', 'good'], models: [model, 'gpt-99'] });
      assert.equal(status, 200);
      assert.deepEqual([body.warmed, body.skipped, body.failed], [1, 0, 3]);
      assert.deepEqual(
        body.entries.map((entry) => [entry.model, entry.prompt]),
        [[model, 'good']],
      );
    });

    for (const [title, body, field] of [
      ['no patterns', {}, 'patterns'],
      ['an empty list', { patterns: [] }, 'patterns'],
      ['patterns as text', { patterns: 'greeting' }, 'patterns'],
      ['a blank pattern', { patterns: [' '] }, 'patterns.0'],
      ['models as text', { patterns: ['greeting'], models: model }, 'models'],
      ['a limit of 0', { patterns: ['greeting'], limit: 0 }, 'limit'],
      ['a limit as text', { patterns: ['greeting'], limit: '10' }, 'limit'],
    ] as const) {
      test(`${title} is refused`, async () => {
        const answer = await read<ErrorBody>(send(`${parley.url}/api/v1/cache/warm`, 'POST', body));
        assert.equal(answer.status, 400);
        assert.equal(answer.body.code, 'INVALID_REQUEST');
        assert.equal(answer.body.details?.field, field);
      });
    }
  });

  describe('DELETE /api/v1/cache/clear', () => {
    test('forgets everything and says how much', async () => {
      await cacheSays(parley, { message: 'One' });
      await cacheSays(parley, { message: 'Two' });
      const { status, body } = await clear(parley);
      assert.equal(status, 200);
      assert.deepEqual(body, { cleared: 2 });
      assert.deepEqual(await cacheSays(parley, { message: 'One' }), miss);
      assert.deepEqual((await stats(parley)).entries, 1);
    });

    test('with a pattern, what matches the glob', async () => {
      for (const message of ['Weather in Rome', 'Weather in Oslo', 'Time in Rome', 'A [literal] text'])
        await cacheSays(parley, { message });
      assert.deepEqual((await clear(parley, '?pattern=weather%20in%20*')).body, { cleared: 2 });
      assert.deepEqual((await clear(parley, '?pattern=nothing')).body, { cleared: 0 });
      assert.deepEqual((await clear(parley, '?pattern=A%20[literal]*')).body, { cleared: 1 });
      assert.deepEqual(await cacheSays(parley, { message: 'Time in Rome' }), hit);
      assert.deepEqual((await clear(parley, '?pattern=T?me*')).body, { cleared: 1 });
    });

    test('works with the content type that clients send with everything', async () => {
      const { status } = await clear(parley, '', { 'content-type': 'application/json' });
      assert.equal(status, 200);
    });
  });

  test('cache: off means BYPASS for all', async (t) => {
    const uncached = await startParley({ openAi: mock.url, yaml: { cache: { enabled: false } } });
    t.after(() => uncached.close());
    assert.deepEqual(await cacheSays(uncached, { message: 'Hello' }), bypass);
    assert.deepEqual(await cacheSays(uncached, { message: 'Hello' }), bypass);
  });
});
