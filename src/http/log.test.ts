import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ParleyError } from '../core/errors.ts';
import { createLogs } from './log.ts';

function createTested(level = 'info') {
  const lines: string[] = [];
  const logs = createLogs(level, { write: (line) => void lines.push(line) });
  const parsed = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { ...logs, lines, parsed };
}

const names = ['authorization', 'cookie', 'password', 'secret', 'token', 'apiKey', 'api_key', 'x-api-key'];

describe('the log', () => {
  for (const name of names) {
    it(`never tells a ${name}, at any of three depths`, () => {
      const { log, lines, parsed } = createTested();
      const secret = { [name]: 'hunter2', beside: 'seen' };
      log.info({ ...secret, request: { ...secret, headers: secret }, list: [secret] }, 'text');
      assert.doesNotMatch(lines.join(''), /hunter2/);
      const [line] = parsed();
      assert.equal(line?.[name], '[redacted]');
      assert.deepEqual(line?.['list'], [{ [name]: '[redacted]', beside: 'seen' }]);
      assert.equal(line?.['beside'], 'seen');
    });
  }

  it('never tells what an error carries of secrets', () => {
    const { log, lines } = createTested();
    const err = new ParleyError('provider_failed', 'No.', { internal: { apiKey: 'hunter2', status: 401 } });
    log.error({ err }, 'failed');
    assert.doesNotMatch(lines.join(''), /hunter2/);
    assert.match(lines.join(''), /401/);
  });

  it('is one JSON line each, with its level and an error’s stack', () => {
    const { log, lines, parsed } = createTested();
    log.warn({ err: new Error('two\nlines') }, 'careful');
    assert.match(lines[0] ?? '', /^\{.*\}\n$/);
    const [line] = parsed() as [{ level: number; msg: string; err: { message: string; stack: string } }];
    assert.deepEqual([line.level, line.msg, line.err.message], [40, 'careful', 'two\nlines']);
    assert.match(line.err.stack, /log\.test\.ts/);
  });

  it('keeps to its level', () => {
    const { log, lines } = createTested('warn');
    log.info({}, 'no');
    log.warn({}, 'yes');
    assert.equal(lines.length, 1);
  });

  it('is silent where it is told to be', () => {
    const { log, access, lines } = createTested('silent');
    log.error({}, 'no');
    access.info({}, 'no');
    assert.deepEqual(lines, []);
  });
});

describe('the access log', () => {
  it('writes its fields as they are', () => {
    const { access, parsed, flush } = createTested();
    access.info({ reqId: 'req_1', method: 'GET', endpoint: '/health', status: 200, ms: 0.4 }, 'request');
    flush();
    const [line] = parsed();
    const { reqId, method, endpoint, status, ms, msg } = line ?? {};
    assert.deepEqual(
      [reqId, method, endpoint, status, ms, msg],
      ['req_1', 'GET', '/health', 200, 0.4, 'request'],
    );
  });
});
