import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fastify from 'fastify';
import { createRecordedLog } from '../core/log.fixture.ts';
import { createLeaving, endConnections } from './leaving.ts';
import { serveReadiness, type ReadinessParts } from './readiness.ts';

function createTested(
  t: TestContext,
  needed: ReadinessParts['needed'],
  wanted: ReadinessParts['wanted'] = {},
) {
  const app = fastify();
  t.after(() => app.close());
  const log = createRecordedLog();
  const leaving = createLeaving();
  serveReadiness(app, { needed, wanted, leaving, log });
  endConnections(app, leaving);
  return { log, leaving, ask: () => app.inject('/ready') };
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

  it('is 200 and degraded where one fails without which it goes on; why is told once', async (t) => {
    let down = true;
    const redis = () => (down ? Promise.reject(new Error('down')) : fine());
    const { ask, log } = createTested(t, { storage: fine }, { redis });
    const told = [];
    for (let times = 0; times < 3; times++) told.push(await ask());
    down = false;
    told.push(await ask());
    assert.deepEqual(
      told.map((response) => [response.statusCode, response.json<{ status: string }>().status]),
      [...Array.from({ length: 3 }, () => [200, 'degraded']), [200, 'ready']],
    );
    assert.equal(log.lines.length, 1);
  });

  it('is 503 as soon as the process is about to end, which still answers, but once on each connection', async (t) => {
    const { ask, leaving } = createTested(t, { storage: fine });
    assert.equal((await ask()).headers['connection'], 'keep-alive');
    leaving.begin();
    const response = await ask();
    assert.deepEqual([response.statusCode, response.headers['connection']], [503, 'close']);
    assert.equal(response.json<{ status: string }>().status, 'leaving');
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
