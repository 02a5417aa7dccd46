import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fastify from 'fastify';
import { createRecordedLog } from '../core/log.fixture.ts';
import { serveReadiness } from './readiness.ts';

function createTested(t: TestContext, checks: Parameters<typeof serveReadiness>[1]) {
  const app = fastify();
  t.after(() => app.close());
  const log = createRecordedLog();
  serveReadiness(app, checks, log);
  return { log, ask: () => app.inject('/ready') };
}

const fine = () => Promise.resolve();

describe('GET /ready', () => {
  it('is 200 where every check passes', async (t) => {
    const { ask, log } = createTested(t, { storage: fine, bus: fine });
    const response = await ask();
    assert.equal(response.statusCode, 200);
    assert.deepEqual(response.json(), { status: 'ready', checks: { storage: 'ok', bus: 'ok' } });
    assert.deepEqual(log.lines, []);
  });

  it('is 503 where one fails, which it names; why stands in the log alone', async (t) => {
    const err = new Error('disk /dev/sda is full');
    const { ask, log } = createTested(t, { storage: () => Promise.reject(err), bus: fine });
    const response = await ask();
    assert.equal(response.statusCode, 503);
    assert.deepEqual(response.json(), { status: 'unavailable', checks: { storage: 'failed', bus: 'ok' } });
    assert.deepEqual(
      log.lines.map(({ level, facts }) => [level, facts]),
      [['error', { err, check: 'storage' }]],
    );
  });

  it('checks anew each time', async (t) => {
    let down = true;
    const { ask } = createTested(t, { storage: () => (down ? Promise.reject(new Error('down')) : fine()) });
    assert.equal((await ask()).statusCode, 503);
    down = false;
    assert.equal((await ask()).statusCode, 200);
  });
});

it('counts a check that never answers as failed', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let asked = () => {};
  const reached = new Promise<void>((resolve) => (asked = resolve));
  const { ask } = createTested(t, {
    store: () => {
      asked();
      return new Promise(() => {});
    },
  });
  const answer = ask();
  await reached;
  t.mock.timers.tick(5_000);
  assert.equal((await answer).statusCode, 503);
});
