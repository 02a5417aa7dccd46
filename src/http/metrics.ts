import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CacheStats } from '../core/completions/cache/response-cache.ts';
import type { CompletionObserver, SettledCall } from '../core/completions/observer.ts';

/** What Prometheus reads at `/metrics`; every name begins with `chatbot_`. */
export interface Metrics extends CompletionObserver {
  /** `endpoint` is a route's template, never a raw path: its values must be few. */
  requestDone(method: string, endpoint: string, status: number, durationMs: number): void;
  socketOpened(contract: string): void;
  socketClosed(contract: string): void;
  /** Lets the cache's figures be read when they are asked for. */
  watchCache(stats: () => CacheStats): void;
  contentType: string;
  render(): Promise<string>;
}

const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'chatbot_' });
  return {
    ...createRequestMetrics(registry),
    ...createCompletionMetrics(registry),
    watchCache: (stats) => watchCache(registry, stats),
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}

function createRequestMetrics(registry: Registry) {
  const registers = [registry];
  const requests = new Counter({
    name: 'chatbot_requests_total',
    help: 'Total number of requests',
    labelNames: ['method', 'endpoint', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'chatbot_request_duration_seconds',
    help: 'Time from a request to the end of its response',
    labelNames: ['method', 'endpoint'],
    buckets: requestBuckets,
    registers,
  });
  const sockets = new Gauge({
    name: 'chatbot_open_sockets',
    help: 'Open WebSockets',
    labelNames: ['contract'],
    registers,
  });
  const count = kept((...labels) => requests.labels(...labels));
  const time = kept((...labels) => durations.labels(...labels));

  return {
    requestDone(method: string, endpoint: string, status: number, durationMs: number) {
      count(method, endpoint, String(status)).inc();
      time(method, endpoint).observe(durationMs / 1000);
    },
    socketOpened: (contract: string) => sockets.inc({ contract }),
    socketClosed: (contract: string) => sockets.dec({ contract }),
  };
}

function createCompletionMetrics(registry: Registry): CompletionObserver {
  const registers = [registry];
  const provider = new Histogram({
    name: 'chatbot_provider_duration_seconds',
    help: 'Time of single calls to a provider: until the whole answer, or until the first event of a stream',
    labelNames: ['provider', 'model', 'outcome'],
    buckets: requestBuckets,
    registers,
  });
  const firstToken = new Histogram({
    name: 'chatbot_time_to_first_token_seconds',
    help: 'Time from a streamed request to its first token',
    labelNames: ['provider', 'model'],
    buckets: requestBuckets,
    registers,
  });
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers });
  const calls = counter('chatbot_completions_total', 'Calls to models by how they ended', [
    'contract',
    'model',
    'outcome',
  ]);
  const tokens = counter('chatbot_tokens_total', 'Tokens used', ['model', 'kind']);
  const cost = counter('chatbot_cost_total', 'Cost by list price, in whole units of the currency', [
    'model',
    'currency',
  ]);
  const fallbacks = counter('chatbot_fallbacks_total', 'Times the next model of a chain took over', [
    'from',
    'to',
  ]);

  const providerTime = kept((...labels) => provider.labels(...labels));
  const firstTokenTime = kept((...labels) => firstToken.labels(...labels));
  const callCount = kept((...labels) => calls.labels(...labels));
  const tokenCount = kept((...labels) => tokens.labels(...labels));
  const costSum = kept((...labels) => cost.labels(...labels));

  return {
    providerCalled: (name, model, outcome, durationMs) =>
      providerTime(name, model, outcome).observe(durationMs / 1000),
    fellBack: (from, to) => fallbacks.labels(from, to).inc(),
    callSettled({
      contract,
      model,
      provider: name,
      outcome,
      firstTokenMs,
      usage,
      costNano,
      currency,
    }: SettledCall) {
      callCount(contract, model, outcome).inc();
      if (firstTokenMs !== null) firstTokenTime(name, model).observe(firstTokenMs / 1000);
      if (outcome === 'cache_hit') return;
      tokenCount(model, 'prompt').inc(usage.promptTokens);
      tokenCount(model, 'completion').inc(usage.completionTokens);
      if (costNano > 0) costSum(model, currency).inc(costNano / 1e9);
    },
  };
}

/** `find`, asked once for each set of labels: prom-client would check and hash them on every request. */
function kept<T>(find: (...labels: string[]) => T): (...labels: string[]) => T {
  const children = new Map<string, T>();
  return (...labels) => {
    const name = labels.join(' ');
    let child = children.get(name);
    if (child === undefined) {
      child = find(...labels);
      children.set(name, child);
    }
    return child;
  };
}

function watchCache(registry: Registry, stats: () => CacheStats): void {
  const figures: [name: string, help: string, read: (stats: CacheStats) => number][] = [
    ['chatbot_cache_hits_total', 'Answers that came from the cache', ({ hits }) => hits],
    ['chatbot_cache_misses_total', 'Lookups that found nothing', ({ misses }) => misses],
    ['chatbot_cache_evictions_total', 'Entries that made room for others', ({ evictions }) => evictions],
    ['chatbot_cache_entries', 'Entries in the cache', ({ entries }) => entries],
    ['chatbot_cache_size_bytes', 'Size of the cache', ({ bytes }) => bytes],
  ];
  for (const [name, help, read] of figures) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect(this: Gauge) {
        this.set(read(stats()));
      },
    });
  }
}
