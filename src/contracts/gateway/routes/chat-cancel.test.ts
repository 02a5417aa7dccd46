import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { readEvents } from '../../../../test/support/event-stream.ts';
import { within } from '../../../../test/support/eventually.ts';
import { complete, send, stream, type ErrorBody } from '../../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { startScriptedVendor, vendorUsage, type ScriptedVendor } from '../../../../test/support/vendor.ts';

const model = 'gpt-3.5-turbo';

describe('a client that goes away ends the work of the vendor within a second', () => {
  let vendor: ScriptedVendor;
  let parley: Parley;
  before(async () => {
    vendor = await startScriptedVendor();
    parley = await startParley({ openAi: vendor.url });
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });

  test('in the middle of a stream', async () => {
    const client = new AbortController();
    const body = { message: 'Tell me a long story', model };
    const pending = stream(parley.url, body, { 'x-request-id': 'mid-stream' }, client.signal);
    const call = await vendor.next();
    await call.delta('Once upon a time');
    const events = readEvents(await pending);
    assert.deepEqual((await events.next()).value, { chunk: 'Once upon a time', index: 0 });
    client.abort();
    await within(1_000, call.closed);

    const [row] = await parley.calls(1);
    assert.equal(row?.requestId, 'mid-stream');
    assert.equal(row.outcome, 'cancelled');
    assert.equal(row.statusCode, 499);
    assert.equal(row.errorCode, 'cancelled');
    assert.equal(row.estimated, true);
    assert.ok(row.completionTokens > 0, 'what was streamed is counted');
    assert.ok(row.promptTokens > 0);
    assert.ok(row.firstTokenMs !== null);
  });

  test('before the first token of a stream', async () => {
    const client = new AbortController();
    const headers = { 'x-request-id': 'before-token' };
    const pending = stream(parley.url, { message: 'Never mind', model }, headers, client.signal);
    const call = await vendor.next();
    client.abort();
    await assert.rejects(pending);
    await within(1_000, call.closed);
    const row = (await parley.calls(2)).find(({ requestId }) => requestId === 'before-token');
    assert.equal(row?.outcome, 'cancelled');
    assert.equal(row.completionTokens, 0);
    assert.equal(row.firstTokenMs, null);
  });

  test('while it waits for a whole answer', async () => {
    const client = new AbortController();
    const pending = send(
      `${parley.url}/api/v1/chat/completion`,
      'POST',
      { message: 'Never mind either', model },
      { 'x-request-id': 'whole' },
      client.signal,
    );
    const call = await vendor.next();
    client.abort();
    await assert.rejects(pending);
    await within(1_000, call.closed);
    const row = (await parley.calls(3)).find(({ requestId }) => requestId === 'whole');
    assert.equal(row?.outcome, 'cancelled');
    assert.equal(row.estimated, true);
  });

  test('with its socket destroyed instead of closed', async () => {
    const { hostname, port } = new URL(parley.url);
    const client = request({
      hostname,
      port,
      path: '/api/v1/chat/stream',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    client.on('error', () => {});
    client.end(JSON.stringify({ message: 'The cable is pulled', model }));
    const call = await vendor.next();
    await call.delta('Hello');
    client.destroy();
    await within(1_000, call.closed);
    await parley.calls(4);
  });

  test('no cancelled answer is cached, and the next one is whole', async () => {
    const pending = complete(parley.url, { message: 'Tell me a long story', model });
    (await vendor.next()).answer('A whole story');
    const { body } = await pending;
    assert.equal(body.cached, false);
    assert.equal(body.response, 'A whole story');
  });
});

describe('the books', () => {
  let vendor: ScriptedVendor;
  let parley: Parley;
  before(async () => {
    vendor = await startScriptedVendor();
    parley = await startParley({
      openAi: vendor.url,
      env: { PARLEY_FALLBACK: 'off' },
      yaml: { providers: { openai: { retries: { attempts: 1 } } } },
    });
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });

  test('every call is exactly one row, however it ends', async () => {
    const secret = await parley.key();
    const ask = (id: string, message: string) =>
      complete<ErrorBody>(parley.url, { message, model }, { 'x-request-id': id, 'x-api-key': secret });

    const success = ask('success', 'What is the answer?');
    (await vendor.next()).answer('42');
    assert.equal((await success).status, 200);

    assert.equal((await ask('hit', 'What is the answer?')).status, 200);

    const failure = ask('failure', 'What is the question?');
    (await vendor.next()).refuse(500, 'Down');
    assert.equal((await failure).status, 502);

    const streamed = stream(
      parley.url,
      { message: 'Stream it', model },
      { 'x-request-id': 'streamed', 'x-api-key': secret },
    );
    const call = await vendor.next();
    await call.delta('in ');
    await call.delta('pieces');
    call.finish();
    await (await streamed).text();

    assert.equal((await ask('invalid', ' ')).status, 400);

    const calls = await parley.calls(4);
    assert.equal(calls.length, 4);
    const row = (id: string) => calls.find(({ requestId }) => requestId === id);
    for (const call of calls) {
      assert.equal(call.contract, 'gateway');
      assert.equal(call.requestedModel, model);
      assert.equal(call.provider, 'openai');
      assert.match(call.owner, /^key:\d+$/);
      assert.equal(call.clientIp, '127.0.0.1');
    }
    const { prompt_tokens, completion_tokens } = vendorUsage;
    for (const id of ['success', 'streamed', 'hit']) {
      assert.equal(row(id)?.promptTokens, prompt_tokens, id);
      assert.equal(row(id)?.completionTokens, completion_tokens, id);
      assert.equal(row(id)?.estimated, false, id);
      assert.equal(row(id)?.statusCode, 200, id);
      assert.equal(row(id)?.errorCode, null, id);
    }
    assert.equal(row('success')?.outcome, 'success');
    assert.equal(row('success')?.endpoint, '/api/v1/chat/completion');
    assert.equal(row('success')?.attempts, 1);
    assert.equal(row('success')?.streamed, false);
    // gpt-3.5-turbo: 0.5 and 1.5 US dollars a million.
    assert.equal(row('success')?.costNano, prompt_tokens * 500 + completion_tokens * 1500);
    assert.equal(row('success')?.currency, 'USD');
    assert.equal(row('hit')?.outcome, 'cache_hit');
    assert.equal(row('hit')?.costNano, 0);
    assert.equal(row('hit')?.attempts, 0);
    assert.equal(row('streamed')?.outcome, 'success');
    assert.equal(row('streamed')?.endpoint, '/api/v1/chat/stream');
    assert.equal(row('streamed')?.streamed, true);
    assert.equal(row('failure')?.outcome, 'failure');
    assert.equal(row('failure')?.statusCode, 502);
    assert.equal(row('failure')?.errorCode, 'provider_failed');
    assert.equal(row('failure')?.completionTokens, 0);
  });
});
