import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Allowance, Limit, Limits } from './limits.ts';

export interface LimitsUnderTest {
  limits: Limits;
  /** Lets time pass for them. */
  pass(ms: number): Promise<void>;
}

const limit: Limit = { name: 'door', points: 3, burst: 2, windowMs: 60_000 };

/** What all limits must do; `prepare` gives each test some of its own, with nothing taken. */
export function limitsSuite(
  kind: string,
  prepare: (test: TestContext) => Promise<LimitsUnderTest>,
  options: { skip?: string | false } = {},
): void {
  describe(`limits in ${kind}`, options, () => {
    takingTests(prepare);
    givingBackTests(prepare);
    lookingTests(prepare);
    clearingTests(prepare);
  });
}

/** Takes so many in turn. */
export async function takeAll(
  limits: Limits,
  times: number,
  of = limit,
  subject = 'a',
): Promise<Allowance[]> {
  const taken: Allowance[] = [];
  for (let i = 0; i < times; i++) taken.push(await limits.take(of, subject));
  return taken;
}

/** With the rest of the window in seconds: real time passes during a test. */
function inSeconds({ resetMs, ...allowance }: Allowance) {
  return { ...allowance, reset: Math.ceil(resetMs / 1000) };
}

type Prepare = Parameters<typeof limitsSuite>[1];

function takingTests(prepare: Prepare): void {
  it('allow the announced number and the burst, and announce never less than nothing', async (t) => {
    const { limits } = await prepare(t);
    const taken = await takeAll(limits, 7);
    assert.deepEqual(
      taken.map(({ allowed, remaining }) => [allowed, remaining]),
      [
        [true, 2],
        [true, 1],
        [true, 0],
        [true, 0],
        [true, 0],
        [false, 0],
        [false, 0],
      ],
    );
    for (const allowance of taken) assert.equal(allowance.limit, 3);
  });

  it('begin anew when the window ends, which refusals do not put off', async (t) => {
    const { limits, pass } = await prepare(t);
    const [first] = await takeAll(limits, 5);
    assert.equal(inSeconds(first!).reset, 60);
    await pass(58_000);
    const [refused] = await takeAll(limits, 1);
    assert.deepEqual(inSeconds(refused!), { allowed: false, limit: 3, remaining: 0, reset: 2 });
    await pass(2_000);
    const [again] = await takeAll(limits, 1);
    assert.deepEqual(inSeconds(again!), { allowed: true, limit: 3, remaining: 2, reset: 60 });
  });

  it('count each subject, each name and each setting by itself', async (t) => {
    const { limits } = await prepare(t);
    await takeAll(limits, 6);
    for (const [other, subject] of [
      [limit, 'b'],
      [{ ...limit, name: 'window' }, 'a'],
      [{ ...limit, points: 4 }, 'a'],
      [{ ...limit, burst: 3 }, 'a'],
      [{ ...limit, windowMs: 61_000 }, 'a'],
      [{ ...limit, name: 'door:a' }, 'a'],
    ] as const) {
      assert.equal((await limits.take(other, subject)).allowed, true);
    }
    assert.equal((await limits.take({ ...limit }, 'a')).allowed, false, 'equal limits are one');
  });

  it('tell names from subjects, whatever is in them', async (t) => {
    const { limits } = await prepare(t);
    await takeAll(limits, 6, { ...limit, name: 'a' }, 'b:c');
    assert.equal((await limits.take({ ...limit, name: 'a:b' }, 'c')).remaining, 2);
    await takeAll(limits, 6, limit, '');
    assert.equal((await limits.take(limit, ' ')).remaining, 2);
    assert.equal((await limits.take(limit, 'ü😀\r\n*')).remaining, 2);
    assert.equal((await limits.take(limit, 'ü😀\r\n*')).remaining, 1);
  });

  it('may allow nothing', async (t) => {
    const { limits } = await prepare(t);
    const [taken] = await takeAll(limits, 1, { ...limit, points: 0, burst: 0 });
    assert.deepEqual([taken?.allowed, taken?.remaining], [false, 0]);
  });

  it('may allow more than anybody takes', async (t) => {
    const { limits } = await prepare(t);
    const [taken] = await takeAll(limits, 1, { ...limit, points: Number.MAX_SAFE_INTEGER, burst: 0 });
    assert.deepEqual([taken?.allowed, taken?.remaining], [true, Number.MAX_SAFE_INTEGER - 1]);
  });

  it('are exact where many take at once', async (t) => {
    const { limits } = await prepare(t);
    const of = { ...limit, points: 40, burst: 10 };
    const taken = await Promise.all(Array.from({ length: 200 }, () => limits.take(of, 'a')));
    assert.equal(taken.filter(({ allowed }) => allowed).length, 50);
  });
}

function givingBackTests(prepare: Prepare): void {
  it('take back what was not used, each one once', async (t) => {
    const { limits, pass } = await prepare(t);
    const taken = await takeAll(limits, 5);
    await pass(1_000);
    await limits.giveBack(limit, 'a', taken[4]!);
    await limits.giveBack(limit, 'a', taken[3]!);
    assert.equal((await limits.look(limit, 'a')).remaining, 0);
    await limits.giveBack(limit, 'a', taken[2]!);
    assert.deepEqual(inSeconds(await limits.take(limit, 'a')), {
      allowed: true,
      limit: 3,
      remaining: 0,
      reset: 59,
    });
    assert.equal((await limits.take(limit, 'b')).remaining, 2);
  });

  it('never hold less than nothing', async (t) => {
    const { limits } = await prepare(t);
    const [taken] = await takeAll(limits, 1);
    for (let times = 0; times < 3; times++) await limits.giveBack(limit, 'a', taken!);
    assert.equal((await limits.take(limit, 'a')).remaining, 2);
    await limits.giveBack(limit, 'nobody', taken!);
    assert.equal((await limits.look(limit, 'nobody')).remaining, 3);
  });

  it('take nothing back into another window', async (t) => {
    const { limits, pass } = await prepare(t);
    await takeAll(limits, 1);
    await pass(30_000);
    const [late] = await takeAll(limits, 1);
    await pass(31_000);
    await takeAll(limits, 2);
    await limits.giveBack(limit, 'a', late!);
    assert.equal((await limits.look(limit, 'a')).remaining, 1);
  });
}

function lookingTests(prepare: Prepare): void {
  it('say whether one could be taken, and take nothing', async (t) => {
    const { limits, pass } = await prepare(t);
    const untouched = { allowed: true, limit: 3, remaining: 3, resetMs: 60_000 };
    assert.deepEqual([await limits.look(limit, 'a'), await limits.look(limit, 'a')], [untouched, untouched]);
    await takeAll(limits, 4);
    await pass(1_000);
    assert.deepEqual(inSeconds(await limits.look(limit, 'a')), {
      allowed: true,
      limit: 3,
      remaining: 0,
      reset: 59,
    });
    await takeAll(limits, 1);
    assert.equal((await limits.look(limit, 'a')).allowed, false);
    await pass(59_000);
    assert.deepEqual(await limits.look(limit, 'a'), untouched);
  });

  it('see that nothing is allowed', async (t) => {
    const { limits } = await prepare(t);
    const none = { ...limit, points: 0, burst: 0 };
    await takeAll(limits, 1, none);
    assert.equal((await limits.look(none, 'a')).allowed, false);
  });
}

function clearingTests(prepare: Prepare): void {
  it('let one subject begin anew', async (t) => {
    const { limits } = await prepare(t);
    await takeAll(limits, 6);
    await takeAll(limits, 6, limit, 'b');
    await limits.clear(limit, 'a');
    assert.equal((await limits.take(limit, 'a')).remaining, 2);
    assert.equal((await limits.take(limit, 'b')).allowed, false);
  });

  it('forget one of whom they know nothing', async (t) => {
    const { limits } = await prepare(t);
    await limits.clear(limit, 'a');
    assert.equal((await limits.look(limit, 'a')).remaining, 3);
  });
}
