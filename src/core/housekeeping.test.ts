import assert from 'node:assert/strict';
import test from 'node:test';
import { createHousekeeping } from './housekeeping.ts';
import { createRecordedLog } from './log.fixture.ts';

test('each task runs at its time, and a failing one keeps no other from running', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const log = createRecordedLog();
  let runs = 0;
  const housekeeping = createHousekeeping({
    tasks: {
      broken: () => Promise.reject(new Error('disk full')),
      sound: async () => void runs++,
    },
    everyMs: 1000,
    log,
  });
  housekeeping.start();
  t.mock.timers.tick(2000);
  assert.equal(runs, 2);
  await housekeeping.run();
  assert.equal(runs, 3);
  assert.ok(log.lines.some(({ facts }) => facts['task'] === 'broken'));
  housekeeping.stop();
  t.mock.timers.tick(2000);
  assert.equal(runs, 3);
});
