import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LLMock } from '@copilotkit/aimock';
import { complete, read, send } from '../../../../test/support/gateway.ts';
import { startParley, vendorKey, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import { startMock } from '../../../../test/support/vendor.ts';
import * as examples from '../examples.fixture.ts';

describe('health and metrics', () => {
  let mock: LLMock;
  let parley: Parley;
  before(async () => {
    mock = await startMock();
    parley = await startParley({
      openAi: mock.url,
      env: { PARLEY_OPEN_GATEWAY: 'false', PARLEY_RATE_LIMITS: 'on' },
    });
  });
  after(async () => {
    await parley.close();
    await mock.stop();
  });

  describe('GET /health', () => {
    test("is in the document's shape", async () => {
      const { status, body } = await read<typeof examples.health>(send(`${parley.url}/health`, 'GET'));
      assert.equal(status, 200);
      assertShape(body, examples.health);
      const { timestamp, providers_configured: providers, ...rest } = body;
      assert.deepEqual(rest, {
        status: 'healthy',
        version: '1.0.0',
        service: 'ai-chatbot-system',
        environment: 'production',
      });
      assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000);
      assert.equal(providers.openai, true);
      assert.equal(providers.anthropic, false);
    });

    test('needs no key and knows no limit', async () => {
      const statuses = await Promise.all(
        Array.from({ length: 130 }, async () => {
          const response = await send(`${parley.url}/health`, 'GET');
          await response.text();
          return response.status;
        }),
      );
      assert.ok(statuses.every((status) => status === 200));
    });
  });

  test('GET /ready tries the store', async () => {
    const { status, body } = await read(send(`${parley.url}/ready`, 'GET'));
    assert.equal(status, 200);
    assert.deepEqual(body, { status: 'ready', checks: { storage: 'ok' } });
  });

  describe('GET /metrics', () => {
    const sample =
      /^[a-z_][a-z0-9_]*(\{[a-z_]+="(?:[^"\\]|\\.)*"(,[a-z_]+="(?:[^"\\]|\\.)*")*\})? (-?\d+(\.\d+)?(e[+-]?\d+)?|\+Inf|NaN)$/;

    const scrape = async () => {
      const response = await send(`${parley.url}/metrics`, 'GET');
      assert.equal(response.status, 200);
      assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
      return response.text();
    };

    test('is Prometheus text', async () => {
      const declared = new Set<string>();
      for (const line of (await scrape()).trimEnd().split('\n')) {
        if (line === '') continue;
        const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
        if (type?.[1] !== undefined) declared.add(type[1]);
        if (line.startsWith('#')) {
          assert.match(line, /^# (HELP \S+ .+|TYPE \S+ (counter|gauge|histogram|summary))$/);
          continue;
        }
        assert.match(line, sample);
        const name = /^[a-z0-9_]+/.exec(line)?.[0] ?? '';
        const family = name.replace(/_(bucket|sum|count)$/, '');
        assert.ok(declared.has(name) || declared.has(family), `${name} is declared`);
        assert.match(name, /^chatbot_/);
      }
    });

    test("has the document's lines", async () => {
      const text = await scrape();
      assert.match(
        text,
        /# HELP chatbot_requests_total Total number of requests\n# TYPE chatbot_requests_total counter\n/,
      );
      assert.match(text, /^chatbot_requests_total\{method="GET",endpoint="\/health",status="200"\} \d+$/m);
    });

    test('counts completions, tokens and the cache', async () => {
      const headers = { 'x-api-key': await parley.key() };
      await complete(parley.url, examples.chatRequest, headers);
      await complete(parley.url, examples.chatRequest, headers);
      const text = await scrape();
      for (const line of [
        'chatbot_completions_total{contract="gateway",model="gpt-3.5-turbo",outcome="success"} 1',
        'chatbot_completions_total{contract="gateway",model="gpt-3.5-turbo",outcome="cache_hit"} 1',
        'chatbot_tokens_total{model="gpt-3.5-turbo",kind="prompt"} 10',
        'chatbot_tokens_total{model="gpt-3.5-turbo",kind="completion"} 15',
        'chatbot_cache_hits_total 1',
        'chatbot_cache_entries 1',
      ]) {
        assert.ok(text.includes(`\n${line}\n`), line);
      }
      assert.match(text, /^chatbot_cost_total\{model="gpt-3.5-turbo",currency="USD"\} 0\.0000275$/m);
      assert.match(text, /^chatbot_nodejs_eventloop_lag_seconds /m);
      assert.match(
        text,
        /^chatbot_provider_duration_seconds_count\{provider="openai",.*outcome="success"\} 1$/m,
      );
    });

    test('endpoints are templates; raw paths, models of strangers and keys never show', async () => {
      const secret = await parley.key();
      const headers = { 'x-api-key': secret };
      await send(`${parley.url}/api/v1/models/gpt-4?token=${secret}`, 'GET', undefined, headers);
      await send(`${parley.url}/api/v1/sess_4711`, 'GET', undefined, headers);
      await send(`${parley.url}/some/where/else`, 'GET');
      await complete(parley.url, { message: 'Hello', model: 'a-model-of-a-stranger' }, headers);
      const text = await scrape();
      assert.match(text, /endpoint="\/api\/v1\/models\/:model_id"/);
      assert.match(text, /endpoint="unknown",status="404"/);
      assert.doesNotMatch(text, /sess_4711|some\/where|models\/gpt-4|a-model-of-a-stranger|token=/);
      for (const hidden of [secret, vendorKey]) assert.ok(!text.includes(hidden));
    });

    test('has the same metric only once', async () => {
      const samples = (await scrape()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      const names = samples.map((line) => line.replace(/ [^ ]+$/, ''));
      assert.equal(new Set(names).size, names.length);
    });
  });
});
