import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openStoreClock } from './store-clock.ts';

it("the store's clock is followed, but not by answers that took long", async (test) => {
  test.mock.timers.enable({ apis: ['setInterval'] });
  let elapsed = 0;
  let took = 10;
  let ahead = 5_000;
  const runtime = { now: () => 1_000_000, elapsed: () => elapsed };
  const storeNow = async () => {
    elapsed += took;
    return runtime.now() + ahead - took / 2;
  };
  const clock = await openStoreClock({ storeNow, runtime });
  assert.equal(clock.now(), 1_005_000);
  const adjusted = async () => {
    test.mock.timers.tick(60_000);
    await new Promise((resolve) => setImmediate(resolve));
    return clock.now();
  };
  [ahead, took] = [9_000, 4_000];
  assert.equal(await adjusted(), 1_005_000);
  [ahead, took] = [5_200, 4];
  assert.equal(await adjusted(), 1_005_200);
});
