import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFakeRuntime } from '../runtime.fixture.ts';
import { createBreaker, type AdmittedCall, type Breaker, type CallResult } from './breaker.ts';

function createTested() {
  const runtime = createFakeRuntime(0);
  const breaker = createBreaker({ failures: 3, windowMs: 1_000, openMs: 500 }, runtime);
  return { runtime, breaker };
}

function admitted(breaker: Breaker): AdmittedCall {
  const call = breaker.admit();
  assert.ok(call !== null, 'the call is admitted');
  return call;
}

function callAll(breaker: Breaker, ...results: CallResult[]): void {
  for (const result of results) admitted(breaker).end(result);
}

function createOpen() {
  const tested = createTested();
  callAll(tested.breaker, 'failure', 'failure', 'failure');
  return tested;
}

describe('a closed circuit', () => {
  it('opens at the last failure that the policy allows, not before', () => {
    const { breaker } = createTested();
    callAll(breaker, 'failure', 'failure');
    assert.equal(breaker.isOpen(), false);
    callAll(breaker, 'failure');
    assert.equal(breaker.isOpen(), true);
    assert.equal(breaker.admit(), null);
  });

  it('forgets failures that are older than the window', () => {
    const { breaker, runtime } = createTested();
    callAll(breaker, 'failure', 'failure');
    runtime.time = 1_000;
    callAll(breaker, 'failure');
    assert.equal(breaker.isOpen(), false);
  });

  it('remembers failures within the window', () => {
    const { breaker, runtime } = createTested();
    callAll(breaker, 'failure', 'failure');
    runtime.time = 999;
    callAll(breaker, 'failure');
    assert.equal(breaker.isOpen(), true);
  });

  it('forgets failures at a success, but not at what says nothing or has only begun', () => {
    const { breaker } = createTested();
    callAll(breaker, 'failure', 'failure', 'success', 'failure', 'failure', 'neutral');
    admitted(breaker).begun();
    assert.equal(breaker.isOpen(), false);
    callAll(breaker, 'failure');
    assert.equal(breaker.isOpen(), true);
  });

  it('opens for answers that begin well and break off', () => {
    const { breaker } = createTested();
    for (let i = 0; i < 3; i++) {
      const call = admitted(breaker);
      call.begun();
      call.end('failure');
    }
    assert.equal(breaker.isOpen(), true);
  });

  it('counts a call once, however often it is ended', () => {
    const { breaker } = createTested();
    const call = admitted(breaker);
    call.end('failure');
    call.end('failure');
    call.end('failure');
    assert.equal(breaker.isOpen(), false);
  });

  it('asks nobody to wait', () => {
    assert.equal(createTested().breaker.retryAfterMs(), 0);
  });
});

describe('an open circuit', () => {
  it('says how long to wait, in whole milliseconds', () => {
    const { breaker, runtime } = createOpen();
    assert.equal(breaker.retryAfterMs(), 500);
    runtime.time = 100.4;
    assert.equal(breaker.retryAfterMs(), 400);
    assert.equal(breaker.admit(), null);
  });

  it('lets a single probe through when the time is over', () => {
    const { breaker, runtime } = createOpen();
    runtime.time = 500;
    assert.equal(breaker.isOpen(), false);
    assert.equal(breaker.retryAfterMs(), 0);
    admitted(breaker);
    assert.equal(breaker.admit(), null);
    assert.equal(breaker.isOpen(), true);
  });

  it('closes when the probe succeeds', () => {
    const { breaker, runtime } = createOpen();
    runtime.time = 500;
    callAll(breaker, 'success');
    callAll(breaker, 'failure', 'failure');
    assert.equal(breaker.isOpen(), false, 'the failures before are forgotten');
  });

  it('opens again for the whole time when the probe fails', () => {
    const { breaker, runtime } = createOpen();
    runtime.time = 700;
    callAll(breaker, 'failure');
    assert.equal(breaker.retryAfterMs(), 500);
    assert.equal(breaker.admit(), null);
  });

  it('takes another probe at once when one said nothing', () => {
    const { breaker, runtime } = createOpen();
    runtime.time = 500;
    callAll(breaker, 'neutral');
    callAll(breaker, 'success');
    assert.equal(breaker.isOpen(), false);
  });

  it('closes when the probe’s answer begins; that it breaks off then counts as one failure', () => {
    const { breaker, runtime } = createOpen();
    runtime.time = 500;
    const probe = admitted(breaker);
    probe.begun();
    callAll(breaker, 'failure');
    probe.end('failure');
    assert.equal(breaker.isOpen(), false);
    callAll(breaker, 'failure');
    assert.equal(breaker.isOpen(), true);
  });

  it('hears nothing from calls of before it opened: neither reason to close nor to stay open, nor a second probe', () => {
    const { breaker, runtime } = createTested();
    const [late, later, latest] = [admitted(breaker), admitted(breaker), admitted(breaker)];
    callAll(breaker, 'failure', 'failure', 'failure');
    late.end('success');
    assert.equal(breaker.isOpen(), true);
    runtime.time = 400;
    later.end('failure');
    assert.equal(breaker.retryAfterMs(), 100);
    runtime.time = 500;
    const probe = admitted(breaker);
    latest.end('neutral');
    assert.equal(breaker.admit(), null);
    probe.end('success');
    assert.equal(breaker.isOpen(), false);
  });
});
