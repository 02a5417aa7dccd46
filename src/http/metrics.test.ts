import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SettledCall } from '../core/completions/observer.ts';
import { createMetrics, type Metrics } from './metrics.ts';

/** The value of a line such as `chatbot_x{a="b"}`, its labels in order; undefined where there is none. */
async function read(metrics: Metrics, series: string): Promise<number | undefined> {
  const line = (await metrics.render()).split('\n').find((text) => text.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

const call: SettledCall = {
  contract: 'gateway',
  model: 'fast',
  provider: 'acme',
  outcome: 'success',
  usage: { promptTokens: 12, completionTokens: 3, estimated: false },
  costNano: 1_500_000,
  currency: 'USD',
  durationMs: 100,
  firstTokenMs: 40,
};

describe('the metrics', () => {
  it('count requests and their time by template and status', async () => {
    const metrics = createMetrics();
    for (const status of [200, 200, 404]) metrics.requestDone('GET', '/models/:id', status, 30);
    const series = (status: number) =>
      `chatbot_requests_total{method="GET",endpoint="/models/:id",status="${status}"}`;
    assert.deepEqual([await read(metrics, series(200)), await read(metrics, series(404))], [2, 1]);
    const time = 'chatbot_request_duration_seconds';
    const labels = 'method="GET",endpoint="/models/:id"';
    assert.equal(await read(metrics, `${time}_count{${labels}}`), 3);
    assert.equal(await read(metrics, `${time}_bucket{le="0.025",${labels}}`), 0);
    assert.equal(await read(metrics, `${time}_bucket{le="0.05",${labels}}`), 3);
  });

  it('show how many sockets are open', async () => {
    const metrics = createMetrics();
    metrics.socketOpened('gateway');
    metrics.socketOpened('gateway');
    metrics.socketClosed('gateway');
    assert.equal(await read(metrics, 'chatbot_open_sockets{contract="gateway"}'), 1);
  });

  it('count calls, tokens, cost in whole units, and time to first token', async () => {
    const metrics = createMetrics();
    metrics.callSettled(call);
    metrics.callSettled({ ...call, outcome: 'failure', firstTokenMs: null, costNano: 0 });
    const completions = (outcome: string) =>
      `chatbot_completions_total{contract="gateway",model="fast",outcome="${outcome}"}`;
    assert.deepEqual(
      [await read(metrics, completions('success')), await read(metrics, completions('failure'))],
      [1, 1],
    );
    assert.equal(await read(metrics, 'chatbot_tokens_total{model="fast",kind="prompt"}'), 24);
    assert.equal(await read(metrics, 'chatbot_tokens_total{model="fast",kind="completion"}'), 6);
    assert.equal(await read(metrics, 'chatbot_cost_total{model="fast",currency="USD"}'), 0.0015);
    const first = 'chatbot_time_to_first_token_seconds';
    assert.equal(await read(metrics, `${first}_count{provider="acme",model="fast"}`), 1);
    assert.equal(await read(metrics, `${first}_sum{provider="acme",model="fast"}`), 0.04);
  });

  it('count a cache hit as a call that uses nothing', async () => {
    const metrics = createMetrics();
    metrics.callSettled({ ...call, outcome: 'cache_hit' });
    const series = 'chatbot_completions_total{contract="gateway",model="fast",outcome="cache_hit"}';
    assert.equal(await read(metrics, series), 1);
    assert.equal(await read(metrics, 'chatbot_tokens_total{model="fast",kind="prompt"}'), undefined);
  });

  it('count vendor calls by how they ended, and fallbacks', async () => {
    const metrics = createMetrics();
    metrics.providerCalled('acme', 'fast', 'provider_timeout', 2_000);
    metrics.fellBack('fast', 'spare');
    const labels = 'provider="acme",model="fast",outcome="provider_timeout"';
    assert.equal(await read(metrics, `chatbot_provider_duration_seconds_sum{${labels}}`), 2);
    assert.equal(await read(metrics, 'chatbot_fallbacks_total{from="fast",to="spare"}'), 1);
  });

  it('read the cache’s figures when they are asked for', async () => {
    const metrics = createMetrics();
    const stats = { hits: 1, misses: 2, bytes: 3, maxBytes: 9, entries: 4, meanResponseMs: 5, evictions: 6 };
    metrics.watchCache(() => ({ ...stats, lastEvictionAt: null }));
    stats.hits = 7;
    const values = [];
    for (const name of ['hits_total', 'misses_total', 'evictions_total', 'entries', 'size_bytes']) {
      values.push(await read(metrics, `chatbot_cache_${name}`));
    }
    assert.deepEqual(values, [7, 2, 6, 4, 3]);
  });

  it('show the process and its event loop, all under one prefix', async () => {
    const metrics = createMetrics();
    const text = await metrics.render();
    assert.match(text, /^chatbot_nodejs_eventloop_lag_p99_seconds /m);
    assert.match(text, /^chatbot_process_resident_memory_bytes /m);
    const names = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    assert.deepEqual(
      names.filter((line) => !line.startsWith('chatbot_')),
      [],
    );
    assert.match(metrics.contentType, /^text\/plain; version=0\.0\.4/);
  });

  it('of two servers in one process are apart', async () => {
    const [one, two] = [createMetrics(), createMetrics()];
    one.fellBack('a', 'b');
    assert.equal(await read(two, 'chatbot_fallbacks_total{from="a",to="b"}'), undefined);
  });
});
