import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ParleyError } from '../errors.ts';
import { createRouterBench, createScriptedProvider, hang, type BenchOptions } from './bench.fixture.ts';
import type { ModelEntry } from './catalogue.ts';
import type { Needs } from './needs.ts';
import { createRouter, defaultModelOf } from './router.ts';

const models = [
  { id: 'fast', provider: 'acme', aliases: ['fast-2026-01-01'] },
  { id: 'smart', provider: 'bolt' },
  { id: 'local', provider: 'home' },
  { id: 'elsewhere', provider: 'nobody' },
];
const providers = ['acme', 'bolt', 'home'].map((name) => createScriptedProvider(name));

function createTested(options: BenchOptions = {}) {
  const bench = createRouterBench({ models, providers, ...options });
  return { ...bench, router: createRouter(bench.parts) };
}

const never = new AbortController().signal;
const broken = (options: { vendorStatus?: number } = {}) =>
  new ParleyError('provider_failed', 'It broke.', { retryable: true, ...options });

describe('plan', () => {
  const idsOf = (options: BenchOptions, model: string) =>
    createTested(options)
      .router.plan(model)
      .map((candidate) => candidate.model.id);

  it('refuses a model that nobody knows, naming it and the field, but not all of a long name', () => {
    const { router } = createTested();
    assert.throws(() => router.plan('gpt-9'), {
      code: 'model_not_found',
      field: 'model',
      message: /"gpt-9"/,
    });
    assert.throws(
      () => router.plan('x'.repeat(500)),
      ({ message }: Error) => message.length < 200,
    );
    assert.throws(() => router.plan('constructor'), { code: 'model_not_found' });
  });

  it('names the model, then its own chain', () => {
    const fallback = { default: ['local'], models: { fast: ['smart', 'local'] } };
    assert.deepEqual(idsOf({ fallback }, 'fast'), ['fast', 'smart', 'local']);
  });

  it('names the default chain for models without one, nobody twice', () => {
    const fallback = { default: ['smart', 'local'], models: { fast: ['local'] } };
    assert.deepEqual(idsOf({ fallback }, 'smart'), ['smart', 'local']);
  });

  it('asks an alias under its own name, with the chain of the model behind it', () => {
    const fallback = { models: { fast: ['smart'] } };
    assert.deepEqual(idsOf({ fallback }, 'fast-2026-01-01'), ['fast-2026-01-01', 'smart']);
  });

  it('leaves out who is not configured or not known', () => {
    const fallback = { default: ['unknown', 'elsewhere', 'local'] };
    assert.deepEqual(idsOf({ fallback }, 'elsewhere'), ['local']);
  });

  it('names the model alone where fallbacks are off', () => {
    const fallback = { enabled: false, default: ['local'], models: { fast: ['smart'] } };
    assert.deepEqual(idsOf({ fallback }, 'fast'), ['fast']);
  });

  it('refuses a model whose provider is not configured where nobody stands in', () => {
    const text = { code: 'provider_failed', message: /"nobody".*"elsewhere".*not configured/ };
    assert.throws(() => createTested().router.plan('elsewhere'), text);
    const fallback = { enabled: false, default: ['local'] };
    assert.throws(() => createTested({ fallback }).router.plan('elsewhere'), text);
  });

  describe('for images and videos', () => {
    const able: ModelEntry[] = [
      { id: 'sees', provider: 'acme', capabilities: ['chat', 'vision'] },
      { id: 'watches', provider: 'bolt', capabilities: ['chat', 'vision', 'video'] },
      { id: 'gone', provider: 'nobody', capabilities: ['chat', 'vision', 'video'] },
      ...models,
    ];
    const image: Needs = [{ capability: 'vision', field: 'messages.2.content.0' }];
    const both: Needs = [...image, { capability: 'video', field: 'content.1' }];
    const plan = (chain: string[], model: string, needs: Needs) =>
      createTested({ models: able, fallback: { default: chain } })
        .router.plan(model, needs)
        .map((candidate) => candidate.model.id);

    it('leaves out who cannot see them, but nobody where there are none', () => {
      assert.deepEqual(plan(['local', 'watches'], 'sees', image), ['sees', 'watches']);
      assert.deepEqual(plan(['sees', 'local'], 'watches', both), ['watches']);
      assert.deepEqual(plan(['local', 'watches'], 'sees', []), ['sees', 'local', 'watches']);
      assert.deepEqual(plan(['local', 'watches'], 'gone', both), ['watches']);
    });

    it('refuses a model that cannot, naming model and part, whoever might stand in', () => {
      assert.throws(() => plan(['watches'], 'fast-2026-01-01', image), {
        code: 'invalid_request',
        field: 'messages.2.content.0',
        issue: { kind: 'no_capability', model: 'fast-2026-01-01', part: 'image' },
        message:
          'messages.2.content.0: the model "fast-2026-01-01" takes no images; ask another model, or leave it out',
      });
      assert.throws(() => plan(['watches'], 'sees', both), {
        field: 'content.1',
        issue: { kind: 'no_capability', model: 'sees', part: 'video' },
      });
    });

    it('says that nobody is left who can', () => {
      assert.throws(() => plan(['local', 'sees'], 'gone', both), {
        code: 'provider_failed',
        message:
          'The provider "nobody" of model "gone" is not configured on this server, and no model that stands in for it takes images and videos.',
      });
    });
  });

  it('takes a model for what it is, whatever it is called', () => {
    const strange = [{ id: 'constructor', provider: 'acme' }, ...models];
    assert.deepEqual(idsOf({ models: strange, fallback: { default: ['local'] } }, 'constructor'), [
      'constructor',
      'local',
    ]);
  });
});

describe('run', () => {
  const chain = { fallback: { default: ['smart', 'local'] } };

  it('stays with the model that was asked for while it answers', async () => {
    const { router, observed, runtime } = createTested(chain);
    const routed = await router.run(router.plan('fast'), never, ({ model }) => {
      runtime.time += 20;
      return Promise.resolve(`by ${model.id}`);
    });
    assert.deepEqual([routed.result, routed.attempts, routed.candidate.model.id], ['by fast', 1, 'fast']);
    assert.deepEqual(observed.fallbacks, []);
    assert.deepEqual(observed.providerCalls, [
      { provider: 'acme', model: 'fast', outcome: 'success', durationMs: 20 },
    ]);
  });

  it('goes down the chain in order, after each model’s retries, and tells the observer', async () => {
    const { router, observed, log } = createTested({ ...chain, retries: { attempts: 2 } });
    const routed = await router.run(router.plan('fast'), never, ({ model }) =>
      model.id === 'local' ? Promise.resolve('fine') : Promise.reject(broken()),
    );
    assert.deepEqual([routed.candidate.model.id, routed.attempts], ['local', 5]);
    assert.deepEqual(observed.fallbacks, ['fast → smart', 'smart → local']);
    assert.deepEqual(
      observed.providerCalls.map(({ model, outcome }) => `${model} ${outcome}`),
      [
        'fast provider_failed',
        'fast provider_failed',
        'smart provider_failed',
        'smart provider_failed',
        'local success',
      ],
    );
    assert.deepEqual(
      log.lines.map(({ level, facts }) => [level, facts['from'], facts['to']]),
      [
        ['warn', 'fast', 'smart'],
        ['warn', 'smart', 'local'],
      ],
    );
  });

  it('goes on after a failure that would not be retried, and after one that nobody expected', async () => {
    const { router } = createTested(chain);
    const failures = [new ParleyError('provider_failed', 'No.'), new TypeError('a bug')];
    const routed = await router.run(router.plan('fast'), never, () => {
      const failure = failures.shift();
      return failure === undefined ? Promise.resolve('fine') : Promise.reject(failure);
    });
    assert.equal(routed.candidate.model.id, 'local');
  });

  it('throws the last failure where nobody answers', async () => {
    const { router } = createTested(chain);
    const failing = router.run(router.plan('fast'), never, ({ model }) =>
      Promise.reject(new ParleyError('provider_timeout', model.id)),
    );
    await assert.rejects(failing, { code: 'provider_timeout', message: 'local' });
  });

  it('never goes on after a cancellation', async () => {
    for (const abort of [true, false]) {
      const { router, observed } = createTested(chain);
      const stop = new AbortController();
      const pending = router.run(router.plan('fast'), stop.signal, () =>
        abort ? hang(stop.signal) : Promise.reject(new ParleyError('cancelled', 'Stopped.')),
      );
      if (abort) stop.abort();
      await assert.rejects(pending);
      assert.deepEqual([observed.fallbacks, observed.providerCalls.length], [[], 1]);
    }
  });
});

describe('run with the circuit breakers', () => {
  async function fail(tested: ReturnType<typeof createTested>, times: number, error: () => Error) {
    for (let i = 0; i < times; i++) {
      await assert.rejects(
        tested.router.run(tested.router.plan('fast'), never, () => Promise.reject(error())),
      );
    }
  }

  it('leaves a provider alone that failed repeatedly, and says for how long', async () => {
    const tested = createTested();
    const { router, observed, runtime, catalogue } = tested;
    const model = catalogue.get('fast');
    assert.ok(model !== undefined && router.isAvailable(model));
    await fail(tested, 3, broken);
    assert.equal(router.isAvailable(model), false);
    const refused = router.run(router.plan('fast'), never, () => Promise.resolve('never asked'));
    await assert.rejects(refused, { code: 'provider_failed', retryAfterMs: 10_000, retryable: false });
    assert.equal(observed.providerCalls.length, 3, 'a refused call is no call');
    runtime.time += 10_000;
    assert.equal(router.isAvailable(model), true);
    assert.equal(
      (await router.run(router.plan('fast'), never, () => Promise.resolve('fine'))).result,
      'fine',
    );
  });

  it('counts no attempt for a provider that is left alone', async () => {
    const tested = createTested({ fallback: { default: ['local'] }, breaker: { failures: 1 } });
    const { router } = tested;
    const { call } = await router.open([router.plan('fast')[0]!], never, () => Promise.resolve('begun'));
    call.end('failure');
    const routed = await router.run(router.plan('fast'), never, ({ model }) => Promise.resolve(model.id));
    assert.deepEqual([routed.result, routed.attempts], ['local', 1]);
  });

  for (const [what, error, opens] of [
    ['a timeout', () => new ParleyError('provider_timeout', 'Late.'), true],
    ['a failure that a retry may mend', broken, true],
    ['a refusal', () => new ParleyError('provider_failed', 'Bad request.'), false],
    ['too many requests', () => broken({ vendorStatus: 429 }), false],
    ['a bug of ours', () => new TypeError('a bug'), false],
  ] as const) {
    it(`${what} ${opens ? 'speaks' : 'does not speak'} against the provider`, async () => {
      const tested = createTested();
      await fail(tested, 3, error);
      assert.equal(tested.parts.slots.get('acme')?.breaker.isOpen(), opens);
    });
  }

  it('hears nothing of a call that its caller gave up', async () => {
    const tested = createTested({ breaker: { failures: 1 } });
    const stop = new AbortController();
    const pending = tested.router.run(tested.router.plan('fast'), stop.signal, () => {
      stop.abort();
      return Promise.reject(broken());
    });
    await assert.rejects(pending);
    assert.equal(tested.parts.slots.get('acme')?.breaker.isOpen(), false);
  });

  it('an opened stream ends as its reader says', async () => {
    const tested = createTested({ breaker: { failures: 1 } });
    const opened = await tested.router.open(tested.router.plan('fast'), never, () =>
      Promise.resolve('begun'),
    );
    assert.equal(tested.parts.slots.get('acme')?.breaker.isOpen(), false);
    opened.call.end('failure');
    assert.equal(tested.parts.slots.get('acme')?.breaker.isOpen(), true);
  });
});

describe('isAvailable', () => {
  it('is false for a model whose provider is not configured', () => {
    const { router, catalogue } = createTested();
    const model = catalogue.get('elsewhere');
    assert.ok(model !== undefined);
    assert.equal(router.isAvailable(model), false);
  });
});

describe('defaultModelOf', () => {
  const choose = (names: string[], offered?: string[]) => {
    const { catalogue, parts } = createRouterBench({
      models: [
        { id: 'embedder', provider: 'acme', capabilities: ['embedding'] },
        ...models,
        { id: 'second', provider: 'acme' },
      ],
      providers: names.map((name) => createScriptedProvider(name)),
    });
    if (offered !== undefined) catalogue.discover('acme', offered);
    return defaultModelOf(catalogue, parts.slots);
  };

  it('is the first chat model whose provider is configured', () => {
    assert.equal(choose(['home', 'bolt']), 'smart');
    assert.equal(choose(['acme']), 'fast');
  });

  it('is one that the provider serves, where it said what it serves', () => {
    assert.equal(choose(['acme'], ['embedder', 'second']), 'second');
  });

  it('is the built-in model where nothing is configured', () => {
    assert.equal(choose([]), 'parley-local');
  });
});
