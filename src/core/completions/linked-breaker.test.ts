import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFakeRuntime } from '../runtime.fixture.ts';
import { createBreaker, type AdmittedCall, type Breaker, type CallResult } from './breaker.ts';
import type { CircuitLink, CircuitNews } from './circuit-link.ts';

const openMs = 500;

/** Nodes whose circuits are linked: news arrives at once, and one of them may probe. */
function createNodes(count: number) {
  const runtime = createFakeRuntime(0);
  const listeners: ((news: CircuitNews) => void)[] = [];
  const told: string[] = [];
  const claims: number[] = [];
  /** Whose the probe is, and until when. */
  let claim = { node: -1, until: 0 };
  const linkOf = (node: number): CircuitLink => ({
    tell(news) {
      told.push(`${node} ${news}`);
      for (const [at, listener] of listeners.entries()) if (at !== node) listener(news);
    },
    onNews: (listener) => void listeners.push(listener),
    claimProbe(forMs) {
      claims.push(node);
      const granted = runtime.time >= claim.until;
      if (granted) claim = { node, until: runtime.time + forMs };
      return Promise.resolve(granted);
    },
  });
  const policy = { failures: 3, windowMs: 1_000, openMs };
  const breakers = Array.from({ length: count }, (_, node) => createBreaker(policy, runtime, linkOf(node)));
  const [one, other, third] = breakers as [Breaker, Breaker, Breaker];
  return { runtime, one, other, third, told, claims };
}

function admitted(breaker: Breaker): AdmittedCall {
  const call = breaker.admit();
  assert.ok(call !== null, 'the call is admitted');
  return call;
}

function callAll(breaker: Breaker, ...results: CallResult[]): void {
  for (const result of results) admitted(breaker).end(result);
}

/** Lets answers to claims arrive. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function createOpen() {
  const nodes = createNodes(3);
  callAll(nodes.one, 'failure', 'failure', 'failure');
  return nodes;
}

/** The open time is over, and node one has been granted the probe. */
async function createClaimed() {
  const nodes = createOpen();
  nodes.runtime.time = openMs;
  assert.equal(nodes.one.admit(), null, 'not before it is known');
  await settle();
  return nodes;
}

describe('linked circuits that are closed', () => {
  it('open together, also where each has failed too seldom by itself', () => {
    const { one, other, third, told } = createNodes(3);
    callAll(one, 'failure');
    callAll(other, 'failure');
    assert.deepEqual(
      [one, other, third].map((breaker) => breaker.isOpen()),
      [false, false, false],
    );
    callAll(third, 'failure');
    assert.deepEqual(
      [one, other, third].map((breaker) => breaker.isOpen()),
      [true, true, true],
    );
    assert.deepEqual([one.admit(), other.admit(), third.retryAfterMs()], [null, null, openMs]);
    assert.deepEqual(told, ['0 failure', '1 failure', '2 opened']);
  });

  it('forget failures where another node succeeds, and tell nothing of successes that change nothing', () => {
    const { one, other, told } = createNodes(2);
    callAll(one, 'success', 'neutral', 'failure', 'failure');
    callAll(other, 'success', 'success');
    callAll(one, 'failure', 'failure');
    assert.equal(one.isOpen(), false);
    assert.deepEqual(told, ['0 failure', '0 failure', '1 success', '0 failure', '0 failure']);
  });

  it('hear nothing of calls of before they opened', () => {
    const { one, other, told } = createNodes(2);
    const [early, late] = [admitted(other), admitted(other)];
    callAll(one, 'failure', 'failure', 'failure');
    early.end('success');
    late.end('failure');
    assert.equal(other.isOpen(), true);
    assert.equal(told.at(-1), '0 opened');
  });
});

describe('linked circuits that are open', () => {
  it('are tried again by one node of all, the others wait for what it finds', async () => {
    const { one, other, third, runtime, claims } = await createClaimed();
    const probe = admitted(one);
    assert.deepEqual([one.admit(), other.admit(), third.admit()], [null, null, null]);
    await settle();
    assert.deepEqual([other.admit(), third.admit(), other.isOpen()], [null, null, true]);
    assert.deepEqual(claims, [0, 1, 2], 'a refusal is not asked about again at once');
    runtime.time += 100;
    probe.begun();
    for (const breaker of [one, other, third]) {
      assert.equal(breaker.isOpen(), false);
      callAll(breaker, 'neutral');
    }
  });

  it('open again on all nodes, for the whole time, when the probe fails', async () => {
    const { one, other, runtime } = await createClaimed();
    const probe = admitted(one);
    runtime.time += 100;
    probe.end('failure');
    assert.deepEqual([one.retryAfterMs(), other.retryAfterMs(), other.admit()], [openMs, openMs, null]);
    runtime.time += openMs;
    assert.equal(other.admit(), null);
    await settle();
    callAll(other, 'success');
    assert.equal(one.isOpen(), false);
  });

  it('let the same node probe again where a probe said nothing', async () => {
    const { one, other } = await createClaimed();
    callAll(one, 'neutral');
    assert.equal(other.admit(), null);
    callAll(one, 'success');
    assert.equal(other.isOpen(), false);
  });

  it('are tried by another node where the one that claimed it died', async () => {
    const { other, runtime } = await createClaimed();
    assert.equal(other.admit(), null);
    await settle();
    runtime.time += openMs;
    assert.equal(other.isOpen(), false, 'it may be tried');
    assert.equal(other.admit(), null);
    await settle();
    callAll(other, 'success');
  });

  it('take the word of a node that probed all the same', async () => {
    const { one, other, runtime } = await createClaimed();
    const probe = admitted(one);
    runtime.time += openMs;
    other.admit();
    await settle();
    const second = admitted(other);
    second.end('success');
    assert.equal(one.isOpen(), false);
    probe.end('failure');
    assert.equal(one.isOpen(), false, 'a probe of before says nothing');
    callAll(one, 'failure', 'failure');
    assert.equal(one.isOpen(), false, 'nor is it counted');
  });

  it('wait anew when another node’s probe failed during one’s own, which is not waited for then', async () => {
    const { one, other, runtime } = await createClaimed();
    const probe = admitted(one);
    runtime.time += openMs;
    other.admit();
    await settle();
    admitted(other).end('failure');
    probe.begun();
    probe.end('success');
    assert.deepEqual([one.isOpen(), one.retryAfterMs()], [true, openMs]);
    runtime.time += openMs;
    one.admit();
    await settle();
    callAll(one, 'success');
    assert.deepEqual([one.isOpen(), other.isOpen()], [false, false]);
  });

  it('are not probed by leave that was given for an earlier time', async () => {
    const runtime = createFakeRuntime(0);
    const answers: ((granted: boolean) => void)[] = [];
    let tellOf: (news: CircuitNews) => void = () => {};
    const breaker = createBreaker({ failures: 1, windowMs: 1_000, openMs }, runtime, {
      tell: () => {},
      onNews: (listener) => void (tellOf = listener),
      claimProbe: () => new Promise((resolve) => answers.push(resolve)),
    });
    callAll(breaker, 'failure');
    runtime.time = openMs;
    assert.equal(breaker.admit(), null);
    tellOf('opened');
    answers[0]?.(true);
    await settle();
    runtime.time += openMs;
    assert.equal(breaker.admit(), null);
    assert.equal(answers.length, 2, 'it is asked for again');
    answers[1]?.(true);
    await settle();
    callAll(breaker, 'success');
  });

  it('are not asked for by nodes that only say whether they are open', async () => {
    const { one, other, runtime, claims } = createOpen();
    runtime.time = openMs;
    assert.deepEqual([one.isOpen(), other.isOpen()], [false, false]);
    await settle();
    assert.deepEqual(claims, []);
  });

  it('are asked for when the time is over, by nodes that have calls to make', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { one, other, third, runtime, claims } = createOpen();
    assert.equal(other.admit(), null);
    runtime.time = openMs;
    t.mock.timers.tick(openMs);
    await settle();
    assert.deepEqual(claims, [0, 1], 'the one that opened it, and the one that wants to call');
    assert.equal(third.isOpen(), false);
    callAll(one, 'success');
    assert.equal(third.isOpen(), false);
  });

  it('are not asked for by a timer when they were closed before', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { one, other, runtime, claims } = createOpen();
    runtime.time = openMs;
    one.admit();
    await settle();
    callAll(one, 'success');
    t.mock.timers.tick(openMs);
    await settle();
    assert.deepEqual(claims, [0]);
    assert.equal(other.isOpen(), false);
  });
});
