import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually, within } from '../../test/support/eventually.ts';
import {
  createBreaker,
  type AdmittedCall,
  type Breaker,
  type CallResult,
} from '../core/completions/breaker.ts';
import { createRuntime } from '../core/runtime.ts';
import { createRedisBus } from './bus.ts';
import { createCircuitLinks } from './circuits.ts';
import { openProxy, openUp, ownPrefix, skipWithoutRedis } from './real-redis.fixture.ts';

const policy = { failures: 3, windowMs: 10_000, openMs: 1_000 };

/** A node's circuit for a provider. */
async function openCircuit(t: TestContext, { prefix, url, provider = 'vendor' }: Record<string, string>) {
  const runtime = createRuntime();
  const { redis } = await openUp(t, { prefix: prefix!, ...(url !== undefined && { url }) });
  const nodeId = runtime.token(6);
  const onError = (thrown: unknown) => assert.fail(String(thrown));
  const bus = createRedisBus({ redis, nodeId, runtime, onError });
  t.after(() => bus.close());
  const linkOf = createCircuitLinks({ bus, redis, nodeId });
  return { redis, bus, breaker: createBreaker(policy, runtime, linkOf(provider)) };
}

function callAll(breaker: Breaker, ...results: CallResult[]): void {
  for (const result of results) {
    const call = breaker.admit();
    assert.ok(call !== null, 'the call is admitted');
    call.end(result);
  }
}

function becomes(breaker: Breaker, open: boolean): Promise<true> {
  return within(
    5_000,
    eventually(() => breaker.isOpen() === open || undefined),
  );
}

/** The first call that a breaker lets through. */
function admission(...breakers: Breaker[]): Promise<AdmittedCall> {
  return eventually(() => breakers.map((breaker) => breaker.admit()).find((call) => call !== null));
}

describe('circuits of two nodes that share a Redis', { skip: skipWithoutRedis }, () => {
  it('open, are probed by one node alone, and close together', async (t) => {
    const prefix = ownPrefix(t);
    const [here, there] = [await openCircuit(t, { prefix }), await openCircuit(t, { prefix })];
    callAll(here.breaker, 'failure', 'failure');
    await there.bus.check();
    await here.bus.check();
    // The third of all, and the first of its own.
    await eventually(() => {
      there.breaker.admit()?.end('failure');
      return there.breaker.isOpen() || undefined;
    });
    await becomes(here.breaker, true);
    const probe = await admission(here.breaker, there.breaker);
    const others = [here.breaker, there.breaker];
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(
        others.map((breaker) => breaker.admit()),
        [null, null],
      );
      await there.bus.check();
    }
    probe.end('success');
    await Promise.all([becomes(here.breaker, false), becomes(there.breaker, false)]);
    callAll(here.breaker, 'success');
    callAll(there.breaker, 'success');
  });

  it('are those of one provider', async (t) => {
    const prefix = ownPrefix(t);
    const [here, there] = [
      await openCircuit(t, { prefix, provider: 'one' }),
      await openCircuit(t, { prefix, provider: 'other' }),
    ];
    callAll(here.breaker, 'failure', 'failure', 'failure');
    await here.bus.check();
    await there.bus.check();
    assert.equal(there.breaker.isOpen(), false);
  });

  it('are each node’s own while Redis is away, and find together again', async (t) => {
    const prefix = ownPrefix(t);
    const proxy = await openProxy(t);
    const [cut, other] = [await openCircuit(t, { prefix, url: proxy.url }), await openCircuit(t, { prefix })];
    await proxy.cut();
    await eventually(() => cut.bus.state() === 'cut' || undefined);
    callAll(cut.breaker, 'failure', 'failure', 'failure');
    assert.deepEqual([cut.breaker.isOpen(), other.breaker.isOpen()], [true, false]);
    (await within(2_000, admission(cut.breaker))).end('failure');
    await proxy.forward();
    assert.equal(await cut.redis.isUpWithin(5_000), true);
    callAll(other.breaker, 'failure', 'failure', 'failure');
    await becomes(other.breaker, true);
    (await within(5_000, admission(cut.breaker))).end('success');
    await becomes(other.breaker, false);
  });
});
