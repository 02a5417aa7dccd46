import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { LLMock } from '@copilotkit/aimock';
import { allEvents, readEvents } from '../../../../test/support/event-stream.ts';
import { complete, stream, type ErrorBody } from '../../../../test/support/gateway.ts';
import { startParley, vendorKey, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import {
  answerAsUsual,
  startMock,
  startScriptedVendor,
  vendorText,
  type ScriptedVendor,
} from '../../../../test/support/vendor.ts';
import * as examples from '../examples.fixture.ts';

const model = 'gpt-3.5-turbo';
let asked = 0;
/** A question that no cache knows. */
const question = () => ({ message: `Question number ${++asked} of these tests`, model });

const chaos = [
  ['status 500', { dropRate: 1 }],
  ['malformed JSON', { malformedRate: 1 }],
  ['a disconnect', { disconnectRate: 1 }],
] as const;

function assertProviderError(body: ErrorBody, status = 502, code = 'PROVIDER_ERROR'): void {
  assertShape(body, { ...examples.error, details: null });
  assert.equal(body.code, code);
  assert.equal(body.status_code, status);
  assert.doesNotMatch(JSON.stringify(body), new RegExp(vendorKey));
}

describe('a vendor that fails, PARLEY_FALLBACK=off', () => {
  let mock: LLMock;
  let parley: Parley;
  before(async () => {
    mock = await startMock();
    parley = await startParley({ openAi: mock.url, env: { PARLEY_FALLBACK: 'off' } });
  });
  beforeEach(() => void answerAsUsual(mock));
  after(async () => {
    await parley.close();
    await mock.stop();
  });

  for (const [what, rates] of chaos) {
    test(`${what} is 502 PROVIDER_ERROR`, async () => {
      mock.setChaos(rates);
      const { status, body, headers } = await complete<ErrorBody>(parley.url, question());
      assert.equal(status, 502);
      assertProviderError(body);
      assert.equal(headers.get('x-request-id'), body.request_id);
    });

    test(`${what} before a stream begins is 502, not a stream`, async () => {
      mock.setChaos(rates);
      const response = await stream(parley.url, question());
      assert.equal(response.status, 502);
      assertProviderError((await response.json()) as ErrorBody);
    });
  }

  test('a vendor that refuses the request is 502 with what it said', async () => {
    mock.clearFixtures();
    mock.onMessage(/./, {
      error: { message: 'No such parameter', type: 'invalid_request_error' },
      status: 400,
    });
    const { status, body } = await complete<ErrorBody>(parley.url, question());
    assert.equal(status, 502);
    assert.match(body.error, /No such parameter/);
    assert.equal(mock.getRequests().length, 1, 'a refusal is not repeated');
  });

  test('a failure that passes is retried and nobody notices', async () => {
    mock.nextRequestError(503, { message: 'Overloaded' });
    const { status, body } = await complete(parley.url, question());
    assert.equal(status, 200);
    assert.equal(body.response, vendorText);
    assert.equal(mock.getRequests().length, 2);
  });

  test('a model whose vendor is not configured is 502', async () => {
    const { status, body } = await complete<ErrorBody>(parley.url, { message: 'Hello', model: 'qwen-plus' });
    assert.equal(status, 502);
    assertProviderError(body);
    assert.match(body.error, /dashscope.*not configured/);
  });

  test('a disconnect after the first tokens is one error frame, then the end', async () => {
    mock.clearFixtures();
    mock.onMessage(/./, { content: vendorText }, { truncateAfterChunks: 6, latency: 10 });
    const response = await stream(parley.url, question());
    assert.equal(response.status, 200);
    const events = await allEvents(response);
    const last = events.at(-1);
    assert.deepEqual(Object.keys(last ?? {}), ['error', 'code']);
    assert.equal(last?.['code'], 'PROVIDER_ERROR');
    const chunks = events.slice(0, -1);
    assert.ok(chunks.length > 0);
    assert.ok(chunks.every((event, index) => event['index'] === index));
  });

  test('a failed answer is not in the cache', async () => {
    const asking = question();
    mock.setChaos({ dropRate: 1 });
    assert.equal((await complete(parley.url, asking)).status, 502);
    mock.clearChaos();
    assert.equal((await complete(parley.url, asking)).headers.get('x-cache-status'), 'MISS');
  });
});

describe('a vendor that fails, fallback on', () => {
  let mock: LLMock;
  let parley: Parley;
  before(async () => {
    mock = await startMock();
    parley = await startParley({ openAi: mock.url });
  });
  beforeEach(() => void answerAsUsual(mock));
  after(async () => {
    await parley.close();
    await mock.stop();
  });

  for (const [what, rates] of chaos) {
    test(`${what}: parley-local answers and is named`, async () => {
      mock.setChaos(rates);
      const { status, body } = await complete(parley.url, question());
      assert.equal(status, 200);
      assert.equal(body.model, 'parley-local');
      assert.notEqual(body.response, '');
      const events = await allEvents(await stream(parley.url, question()));
      assert.equal(events.at(-1)?.['model'], 'parley-local');
    });
  }

  test('the answer of a fallback is not kept under the name of the model that failed', async () => {
    const asking = question();
    mock.setChaos({ dropRate: 1 });
    assert.equal((await complete(parley.url, asking)).body.model, 'parley-local');
    mock.clearChaos();
    const { body } = await complete(parley.url, asking);
    assert.equal(body.cached, false);
    assert.equal(body.model, model);
  });

  test('after the first tokens nobody else goes on: an error frame, then the end', async () => {
    mock.clearFixtures();
    mock.onMessage(/./, { content: vendorText }, { truncateAfterChunks: 6, latency: 10 });
    const events = await allEvents(await stream(parley.url, question()));
    assert.equal(events.at(-1)?.['code'], 'PROVIDER_ERROR');
  });

  test('a chain of the configuration is followed in order', async (t) => {
    const chained = await startParley({
      openAi: mock.url,
      anthropic: mock.url,
      yaml: { fallback: { models: { [model]: ['claude-sonnet-5', 'parley-local'] } } },
    });
    t.after(() => chained.close());
    mock.clearFixtures();
    mock.onMessage(/./, (request) =>
      request.model === model
        ? { error: { message: 'Down' }, status: 500 }
        : { content: `This is ${request.model}` },
    );
    const { body } = await complete(chained.url, question());
    assert.equal(body.model, 'claude-sonnet-5');
    assert.equal(body.response, 'This is claude-sonnet-5');
  });
});

describe('a vendor that is slow', () => {
  let vendor: ScriptedVendor;
  let parley: Parley;
  const patient = { connect: '5s', first_byte: '5s', idle: '5s', total: '10s' };

  async function start(timeouts: Partial<typeof patient>) {
    parley = await startParley({
      openAi: vendor.url,
      env: { PARLEY_FALLBACK: 'off' },
      yaml: { providers: { openai: { timeouts: { ...patient, ...timeouts }, retries: { attempts: 1 } } } },
    });
  }
  beforeEach(async () => void (vendor = await startScriptedVendor()));
  // One app a test, since timeouts are configured at start.
  const stop = async () => {
    await parley.close();
    await vendor.close();
  };

  test('silence is 504 TIMEOUT, and the vendor hears that nobody waits', async (t) => {
    await start({ first_byte: '100ms' });
    t.after(stop);
    const answered = complete<ErrorBody>(parley.url, question());
    const call = await vendor.next();
    const { status, body } = await answered;
    assert.equal(status, 504);
    assertProviderError(body, 504, 'TIMEOUT');
    await call.closed;
  });

  test('silence before a stream is 504, not a stream', async (t) => {
    await start({ first_byte: '100ms' });
    t.after(stop);
    const response = await stream(parley.url, question());
    assert.equal(response.status, 504);
    assertProviderError((await response.json()) as ErrorBody, 504, 'TIMEOUT');
  });

  test('an answer that never ends is 504 by the total timeout', async (t) => {
    await start({ total: '200ms' });
    t.after(stop);
    const { status, body } = await complete<ErrorBody>(parley.url, question());
    assert.equal(status, 504);
    assert.match(body.error, /total timeout of 200 ms/);
  });

  test('a stream that falls silent ends with a TIMEOUT frame', async (t) => {
    await start({ idle: '100ms' });
    t.after(stop);
    const response = stream(parley.url, question());
    const call = await vendor.next();
    await call.delta('Hello');
    const events = await allEvents(await response);
    assert.deepEqual(events[0], { chunk: 'Hello', index: 0 });
    assert.equal(events.at(-1)?.['code'], 'TIMEOUT');
    await call.closed;
  });

  test('frames leave as they come, not at the end', async (t) => {
    await start({});
    t.after(stop);
    const pending = stream(parley.url, question());
    const call = await vendor.next();
    await call.delta('one');
    const events = readEvents(await pending);
    for (const [index, text] of ['one', 'two', 'three'].entries()) {
      if (index > 0) await call.delta(text);
      assert.deepEqual((await events.next()).value, { chunk: text, index });
    }
    call.finish();
    assert.equal(((await events.next()).value as Record<string, unknown>)['finished'], true);
    assert.equal((await events.next()).done, true);
  });
});

describe('a vendor that asks for patience', () => {
  let vendor: ScriptedVendor;
  let parley: Parley;
  before(async () => {
    vendor = await startScriptedVendor();
    parley = await startParley({ openAi: vendor.url, env: { PARLEY_FALLBACK: 'off' } });
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });

  test("a 429's Retry-After is waited for before the next try", async () => {
    const answered = complete(parley.url, question());
    const first = await vendor.next();
    const refused = performance.now();
    first.refuse(429, 'Slow down', { 'retry-after': '1' });
    const second = await vendor.next();
    assert.ok(
      performance.now() - refused >= 990,
      'the pause of the policy is 1 ms, the vendor asked for 1 s',
    );
    second.answer('Here you are');
    const { status, body } = await answered;
    assert.equal(status, 200);
    assert.equal(body.response, 'Here you are');
  });

  test('a pause longer than anybody waits is not waited for', async () => {
    const before = vendor.count();
    const answered = complete<ErrorBody>(parley.url, question());
    (await vendor.next()).refuse(429, 'Slow down', { 'retry-after': '60' });
    const { status, body, headers } = await answered;
    assert.equal(status, 502);
    assert.equal(body.code, 'PROVIDER_ERROR');
    assert.equal(headers.get('retry-after'), '60');
    assert.equal(vendor.count(), before + 1);
  });
});
