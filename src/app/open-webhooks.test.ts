import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../../test/support/eventually.ts';
import { createQueue } from '../../test/support/queue.ts';
import { presentWebhookEvent } from '../contracts/helpdesk/webhook-payload.ts';
import { createAuditLog } from '../core/audit.ts';
import { presentAll } from '../core/desk/present-all.ts';
import { createIdempotency } from '../core/idempotency.ts';
import { createNodes } from '../core/nodes/nodes.ts';
import { createBusLine } from '../core/realtime/bus.fixture.ts';
import { createMemoryBus, type Bus } from '../core/realtime/bus.ts';
import { createRuntime, type Runtime } from '../core/runtime.ts';
import { createTurnsBench, mina, question } from '../core/turns/turns.fixture.ts';
import type { WebhookEventType } from '../core/webhooks/event.ts';
import { openWebhooks } from './open-webhooks.ts';

const admin = { ...mina, userId: 1, role: 'admin' as const };
const never = new AbortController().signal;
const day = 24 * 60 * 60 * 1000;

interface Received {
  headers: IncomingHttpHeaders;
  body: string;
  event: { id: string; type: string; created_at: string; data: Record<string, Record<string, unknown>> };
  answer(status: number, headers?: Record<string, string>): void;
}

function alone() {
  const runtime = createRuntime();
  return joinedBy(
    createMemoryBus({
      onError(thrown) {
        throw thrown;
      },
    }),
    runtime.token(6),
  );
}

function joinedBy(bus: Bus, id: string) {
  const nodes = createNodes({ id, bus, runtime: createRuntime(), onError: () => assert.fail() });
  return { bus, nodes };
}

/** A receiver on loopback; the test answers each request. */
async function listen(t: TestContext) {
  const received = createQueue<Received>();
  const server = createServer((request, response: ServerResponse) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () =>
      received.push({
        headers: request.headers,
        body,
        event: JSON.parse(body) as Received['event'],
        answer: (status, headers = {}) => void response.writeHead(status, headers).end(),
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

async function createTested(t: TestContext) {
  const tested = await createTurnsBench(t);
  const { storage, feed, bench } = tested;
  const { runtime, log } = bench;
  const auditLog = createAuditLog({ rows: storage.auditLog, runtime });
  const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
  const details = storage.deskDetails;
  /** As a process has them, alone or as a node. */
  const open = (node = alone(), store = storage, clock: Runtime = runtime) => {
    const opened = openWebhooks({
      node,
      config: {
        webhooks: {
          allowHttp: true,
          allowPrivateAddresses: ['127.0.0.1'],
          timeoutMs: 10_000,
          connectionsPerReceiver: 4,
          disableAfterMs: 3 * day,
          retentionMs: 14 * day,
        },
      },
      storage: store,
      feed,
      present: async (conversation) => {
        const [shown] = await presentAll({ ...storage, details }, [conversation]);
        return shown ?? assert.fail();
      },
      presentEvent: presentWebhookEvent,
      auditLog,
      idempotency,
      runtime: clock,
      log,
    });
    t.after(opened.dispatcher.stop);
    opened.dispatcher.start();
    return opened;
  };
  const opened = open();
  const receiver = await listen(t);
  const create = (events: WebhookEventType[] = ['message.created'], url = receiver.url) =>
    opened.webhooks.create(admin, { url, events });
  /** A question and its answer, `Yes.`; resolves to the conversation. */
  const exchange = async (text: string, id?: number) => {
    const place = id === undefined ? ({ kind: 'new' } as const) : ({ kind: 'existing', id } as const);
    const { conversationId, turnId } = await tested.turns.ask(mina, question(text, { place }));
    const speaker = await tested.speakers.next();
    speaker.say('Yes.');
    speaker.finish();
    await tested.turns.result(mina, turnId, never);
    return conversationId;
  };
  const deliveries = async (id: number) =>
    (await opened.webhooks.deliveries(id, { skip: 0, limit: 100 })).deliveries;
  const ended = (id: number, count: number) =>
    eventually(async () => {
      const all = await deliveries(id);
      return all.filter(({ endedAt }) => endedAt !== null).length >= count ? all : undefined;
    });
  const audited = async () => (await storage.auditLog.list({}, { skip: 0, limit: 100 })).entries;
  return { ...tested, ...opened, ...receiver, runtime, open, create, exchange, deliveries, ended, audited };
}

/** As receivers check it (Standard Webhooks): not with our own code. */
function signatureOf({ headers, body }: Received, secret: string): string {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}

const contentOf = ({ event }: Received) => event.data['message']?.['content'];

describe('a receiver', () => {
  it('is told of what it wants, signed, in the helpdesk’s words', async (t) => {
    const { create, exchange, received, ended, runtime } = await createTested(t);
    const { webhook, secret } = await create(['conversation.created', 'message.created']);
    assert.match(secret ?? '', /^whsec_[A-Za-z0-9+/]+={0,2}$/);
    const conversationId = await exchange('Is it open?');
    const told: Received[] = [];
    for (let count = 0; count < 3; count++) {
      const message = await received.next();
      message.answer(200);
      told.push(message);
    }
    assert.deepEqual(
      told.map(({ event }) => [event.type, event.data['message']?.['sender_type']]),
      [
        ['conversation.created', undefined],
        ['message.created', 'user'],
        ['message.created', 'ai'],
      ],
    );
    assert.equal(told[2]?.event.data['message']?.['content'], 'Yes.');
    for (const message of told) {
      assert.equal(message.event.data['conversation']?.['id'], conversationId);
      assert.equal(message.headers['webhook-id'], message.event.id);
      assert.equal(message.headers['webhook-timestamp'], String(Math.floor(runtime.now() / 1000)));
      assert.equal(message.headers['webhook-signature'], signatureOf(message, secret ?? ''));
      assert.equal(message.headers['content-type'], 'application/json');
    }
    assert.deepEqual(
      (await ended(webhook.id, 3)).map(({ state, attempts, statusCode }) => [state, attempts, statusCode]),
      Array.from({ length: 3 }, () => ['delivered', 1, 200]),
    );
  });

  it('is told of a rating and of who is in charge, and not of what it did not ask for', async (t) => {
    const { create, exchange, received, conversations, handoff } = await createTested(t);
    await create(['conversation.rated', 'conversation.assigned', 'conversation.status_changed']);
    const id = await exchange('Is it open?');
    await conversations.rate(mina, id, { score: 5, comment: 'Good.' });
    const rated = await received.next();
    rated.answer(200);
    assert.deepEqual(rated.event.data['rating'], { score: 5, comment: 'Good.' });
    await handoff.switchTo(mina, id, 'human', 'please');
    const switched = await received.next();
    switched.answer(200);
    assert.equal(switched.event.type, 'conversation.status_changed');
    assert.deepEqual(switched.event.data['change'], {
      status: 'pending',
      agent_type: 'human',
      assignee: null,
      cause: 'switched',
      actor_id: mina.userId,
      reason: 'please',
    });
    assert.equal(received.waiting, 0);
  });

  it('that fails is told again after longer and longer pauses, with the same id and text', async (t) => {
    const { create, exchange, received, ended, runtime } = await createTested(t);
    const { webhook } = await create();
    runtime.slept.length = 0;
    const asked = exchange('Is it open?');
    const tries: Received[] = [];
    for (const status of [500, 404, 503, 200]) {
      const message = await received.next();
      tries.push(message);
      message.answer(status);
    }
    (await received.next()).answer(200);
    await asked;
    assert.equal(new Set(tries.map(({ body }) => body)).size, 1);
    assert.equal(new Set(tries.map(({ headers }) => headers['webhook-id'])).size, 1);
    assert.deepEqual(
      runtime.slept.filter((ms) => ms >= 10_000),
      [10_000, 50_000, 250_000],
    );
    const [, first] = await ended(webhook.id, 2);
    assert.deepEqual([first?.state, first?.attempts, first?.error], ['delivered', 4, null]);
  });

  it('may say how long it wants to be left alone', async (t) => {
    const { create, exchange, received, runtime } = await createTested(t);
    await create();
    runtime.slept.length = 0;
    const asked = exchange('Is it open?');
    (await received.next()).answer(429, { 'retry-after': '3600' });
    (await received.next()).answer(200);
    await asked;
    assert.ok(runtime.slept.includes(3_600_000));
  });

  it('hears of each conversation in its order; one that fails holds up no other', async (t) => {
    const { create, exchange, received, ended } = await createTested(t);
    const { webhook } = await create();
    const one = await exchange('One');
    const first = await received.next();
    assert.equal(contentOf(first), 'One');
    await exchange('Other');
    const other = await received.next();
    assert.equal(contentOf(other), 'Other', 'the answer to One waits for its question');
    other.answer(200);
    const otherAnswer = await received.next();
    assert.equal(otherAnswer.event.data['conversation']?.['id'], other.event.data['conversation']?.['id']);
    otherAnswer.answer(200);
    await exchange('Two', one);
    first.answer(500);
    const told: unknown[] = [];
    for (let count = 0; count < 4; count++) {
      const message = await received.next();
      told.push(contentOf(message));
      message.answer(200);
    }
    assert.deepEqual(told, ['One', 'Yes.', 'Two', 'Yes.']);
    await ended(webhook.id, 6);
  });

  it('that takes no message in eight attempts misses it, and is told of the next', async (t) => {
    const { create, exchange, received, ended, webhooks, dispatcher, storage, runtime } =
      await createTested(t);
    const { webhook } = await create();
    const asked = exchange('Is it open?');
    for (let count = 0; count < 8; count++) (await received.next()).answer(500);
    const answer = await received.next();
    assert.equal(contentOf(answer), 'Yes.');
    answer.answer(200);
    await asked;
    const [delivered, failed] = await ended(webhook.id, 2);
    assert.deepEqual(
      [failed?.state, failed?.attempts, failed?.error, delivered?.state],
      ['failed', 8, 'It answered 500.', 'delivered'],
    );
    await webhooks.retry(admin, webhook.id, failed?.id ?? 0);
    const again = await received.next();
    assert.equal(again.headers['webhook-id'], failed?.eventId);
    again.answer(200);
    await eventually(async () => {
      const { deliveries } = await webhooks.deliveries(webhook.id, { skip: 0, limit: 1 });
      return deliveries[0]?.state === 'delivered' ? true : undefined;
    });
    await assert.rejects(webhooks.retry(admin, webhook.id, delivered?.id ?? 0), { code: 'conflict' });
    runtime.time += 15 * day;
    await dispatcher.tend();
    assert.equal((await storage.webhookDeliveries.list(webhook.id, { skip: 0, limit: 10 })).total, 0);
  });

  it('that fails for days is switched off, which the audit log says; what it was to be told waits', async (t) => {
    const { create, exchange, received, webhooks, audited, deliveries } = await createTested(t);
    const { webhook } = await create();
    const id = await exchange('One');
    for (const text of ['Two', 'Three']) await exchange(text, id);
    const off = await eventually(async () => {
      while (received.waiting > 0) (await received.next()).answer(500);
      const now = await webhooks.get(webhook.id);
      return now.enabled ? undefined : now;
    });
    assert.match(off.disabledReason ?? '', /^Nothing has arrived since 2026-/);
    const [{ action, details } = assert.fail()] = await audited();
    assert.deepEqual(
      [action, details],
      ['webhook.disable', { reason: off.disabledReason, error: 'It answered 500.' }],
    );
    const states = (await deliveries(webhook.id)).map(({ state }) => state).toReversed();
    assert.deepEqual(states.slice(0, 3), ['failed', 'failed', 'failed']);
    assert.equal(states.length, 6);
    assert.ok(states.slice(4).every((state) => state === 'waiting'));
    await webhooks.update(admin, webhook.id, { enabled: true });
    const told: unknown[] = [];
    for (let count = 0; count < 3; count++) {
      const message = await received.next();
      told.push(contentOf(message));
      message.answer(200);
    }
    assert.deepEqual(told, ['Yes.', 'Three', 'Yes.']);
  });

  it('that says that it is gone is switched off at once', async (t) => {
    const { create, exchange, received, webhooks, audited } = await createTested(t);
    const { webhook } = await create();
    const asked = exchange('Is it open?');
    (await received.next()).answer(410);
    await asked;
    const off = await eventually(async () => {
      const now = await webhooks.get(webhook.id);
      return now.enabled ? undefined : now;
    });
    assert.equal(off.disabledReason, 'It answered 410 Gone.');
    const [{ action, actorName, targetId } = assert.fail()] = await audited();
    assert.deepEqual([action, actorName, targetId], ['webhook.disable', 'Parley', String(webhook.id)]);
    const [open] = (await webhooks.deliveries(webhook.id, { skip: 0, limit: 10 })).deliveries;
    await assert.rejects(webhooks.retry(admin, webhook.id, open?.id ?? 0), { code: 'conflict' });
  });

  it('that hangs holds up neither another nor the chat', async (t) => {
    const { create, exchange, received } = await createTested(t);
    const other = await listen(t);
    await create();
    await create(['message.created'], other.url);
    for (const text of ['One', 'Two', 'Three', 'Four', 'Five', 'Six']) {
      await exchange(text);
      for (const expected of [text, 'Yes.']) {
        const message = await other.received.next();
        assert.equal(contentOf(message), expected);
        message.answer(200);
      }
    }
    assert.equal(received.waiting, 4, 'no more at once');
  });
});

describe('after a restart', () => {
  it('what was on its way is sent again with the same id, and what happened meanwhile is told', async (t) => {
    const { create, exchange, received, dispatcher, open, ended } = await createTested(t);
    const { webhook } = await create();
    const id = await exchange('One');
    const before = await received.next();
    await dispatcher.stop();
    before.answer(200);
    await exchange('Two', id);
    assert.equal(received.waiting, 0);
    open();
    const again = await received.next();
    assert.deepEqual([again.event.id, again.body], [before.event.id, before.body]);
    again.answer(200);
    for (const expected of ['Yes.', 'Two', 'Yes.']) {
      const message = await received.next();
      assert.equal(contentOf(message), expected);
      message.answer(200);
    }
    assert.equal(new Set((await ended(webhook.id, 4)).map(({ eventId }) => eventId)).size, 4);
  });
});

describe('over several nodes', () => {
  /** The node `first` has the lease; `fails` takes the store of leases from it. */
  async function createNodes(t: TestContext) {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
    const tested = await createTested(t);
    await tested.dispatcher.stop();
    const { storage, open, runtime } = tested;
    const line = createBusLine();
    // Nobody is tried again but by a test: a pause must not take the lease.
    const clock = { ...runtime, sleep: () => new Promise<void>(() => {}) };
    let isAway = false;
    const hold: typeof storage.leases.hold = (...asked) =>
      isAway ? Promise.reject(new Error('the store is away')) : storage.leases.hold(...asked);
    const mortal = { ...storage, leases: { ...storage.leases, hold } };
    const first = open(joinedBy(line.join(), 'first'), mortal, clock);
    const holder = (name: string) =>
      eventually(async () =>
        (await storage.leases.hold('webhooks', name, 0, runtime.time + 6_000)) ? true : undefined,
      );
    await holder('first');
    const second = open(joinedBy(line.join(), 'second'), storage, clock);
    /** As after the time in which the first could have renewed its lease. */
    const pass = () => {
      runtime.time += 6_001;
      t.mock.timers.tick(6_001);
    };
    return { ...tested, first, second, holder, pass, fail: () => void (isAway = true) };
  }
  const input = (url: string) => ({ url, events: ['message.created'] as const });

  it('a receiver is told by one of them, also of what is changed on another', async (t) => {
    const { first, second, exchange, received, url, ended } = await createNodes(t);
    const { webhook } = await second.webhooks.create(admin, input(url));
    const other = await listen(t);
    const id = await exchange('One');
    for (const expected of ['One', 'Yes.']) {
      const message = await received.next();
      assert.equal(contentOf(message), expected);
      message.answer(200);
    }
    assert.equal((await ended(webhook.id, 2)).length, 2);
    await second.webhooks.update(admin, webhook.id, { url: other.url });
    await first.dispatcher.reconcile();
    await exchange('Two', id);
    for (const expected of ['Two', 'Yes.']) {
      const message = await other.received.next();
      assert.equal(contentOf(message), expected);
      message.answer(200);
    }
    await ended(webhook.id, 4);
    assert.deepEqual([received.waiting, other.received.waiting], [0, 0]);
    await second.webhooks.remove(admin, webhook.id);
  });

  it('one more attempt that is asked for on another is made', async (t) => {
    const { second, exchange, received, url, deliveries, ended } = await createNodes(t);
    const { webhook } = await second.webhooks.create(admin, input(url));
    await exchange('One');
    (await received.next()).answer(500);
    const failed = await eventually(async () =>
      (await deliveries(webhook.id)).find(({ statusCode }) => statusCode === 500),
    );
    assert.equal(received.waiting, 0);
    await second.webhooks.retry(admin, webhook.id, failed.id);
    for (const expected of ['One', 'Yes.']) {
      const message = await received.next();
      assert.equal(contentOf(message), expected);
      message.answer(200);
    }
    await ended(webhook.id, 2);
  });

  it('the next goes on where one has died, in order, and nothing is left out', async (t) => {
    const { second, exchange, received, url, fail, pass, ended } = await createNodes(t);
    const { webhook } = await second.webhooks.create(admin, input(url));
    const id = await exchange('One');
    const before = await received.next();
    fail();
    pass();
    const again = await received.next();
    assert.deepEqual([again.event.id, again.body], [before.event.id, before.body]);
    await exchange('Two', id);
    again.answer(200);
    for (const expected of ['Yes.', 'Two', 'Yes.']) {
      const message = await received.next();
      assert.equal(contentOf(message), expected);
      message.answer(200);
    }
    await ended(webhook.id, 4);
    // The first wakes up: it must not send what the second sends.
    before.answer(200);
    await exchange('Three', id);
    for (const expected of ['Three', 'Yes.']) {
      const message = await received.next();
      assert.equal(contentOf(message), expected);
      message.answer(200);
    }
    assert.equal((await ended(webhook.id, 6)).length, 6);
    assert.equal(received.waiting, 0);
  });

  it('one that ends leaves its work to the next at once', async (t) => {
    const { first, second, exchange, received, url, pass } = await createNodes(t);
    await second.webhooks.create(admin, input(url));
    await exchange('One');
    const before = await received.next();
    await first.dispatcher.stop();
    pass();
    const again = await received.next();
    assert.equal(again.event.id, before.event.id);
    again.answer(200);
    (await received.next()).answer(200);
  });
});

describe('administrators', () => {
  const key = (name: string) => ({ key: name, fingerprint: name });

  it('make a webhook once under a key, and see its secret once', async (t) => {
    const { webhooks, url, audited } = await createTested(t);
    const input = { url, events: ['message.created'] as const };
    const first = await webhooks.create(admin, input, key('one'));
    const again = await webhooks.create(admin, input, key('one'));
    assert.deepEqual([again.webhook.id, again.secret], [first.webhook.id, null]);
    assert.equal((await webhooks.list()).length, 1);
    assert.doesNotMatch(JSON.stringify([await webhooks.list(), await audited()]), /whsec_/);
    const [{ action, targetId, details } = assert.fail()] = await audited();
    assert.deepEqual([action, targetId], ['webhook.create', String(first.webhook.id)]);
    assert.deepEqual(details, { url, events: ['message.created'], enabled: true });
  });

  it('give it a new secret; for a day both sign', async (t) => {
    const { webhooks, create, exchange, received, runtime } = await createTested(t);
    const { webhook, secret } = await create();
    const rotated = await webhooks.rotate(admin, webhook.id, key('one'));
    assert.equal((await webhooks.rotate(admin, webhook.id, key('one'))).secret, null);
    const asked = exchange('One');
    const both = await received.next();
    both.answer(200);
    (await received.next()).answer(200);
    await asked;
    assert.equal(
      both.headers['webhook-signature'],
      [rotated.secret, secret].map((one) => signatureOf(both, one ?? '')).join(' '),
    );
    runtime.time += day;
    const later = exchange('Two');
    const one = await received.next();
    one.answer(200);
    assert.equal(one.headers['webhook-signature'], signatureOf(one, rotated.secret ?? ''));
    (await received.next()).answer(200);
    await later;
  });

  it('switch it off and on; it is not told of what happened meanwhile', async (t) => {
    const { webhooks, create, exchange, received } = await createTested(t);
    const { webhook } = await create();
    assert.equal((await webhooks.update(admin, webhook.id, { enabled: false })).enabled, false);
    const id = await exchange('Unheard');
    assert.equal((await webhooks.update(admin, webhook.id, { enabled: true })).enabled, true);
    await exchange('Heard', id);
    const message = await received.next();
    assert.equal(contentOf(message), 'Heard');
    message.answer(200);
    (await received.next()).answer(200);
  });

  it('change what it wants; it is not told of what was before', async (t) => {
    const { webhooks, create, exchange, received } = await createTested(t);
    const { webhook } = await create(['conversation.rated']);
    const id = await exchange('Unheard');
    await webhooks.update(admin, webhook.id, { events: ['message.created'] });
    await exchange('Heard', id);
    const message = await received.next();
    assert.equal(contentOf(message), 'Heard');
    message.answer(200);
    (await received.next()).answer(200);
  });

  it('send it elsewhere, and remove it once', async (t) => {
    const { webhooks, create, exchange, received, audited } = await createTested(t);
    const { webhook } = await create();
    const other = await listen(t);
    await webhooks.update(admin, webhook.id, { url: other.url, description: 'The new one' });
    const asked = exchange('One');
    (await other.received.next()).answer(200);
    (await other.received.next()).answer(200);
    await asked;
    assert.equal(received.waiting, 0);
    await webhooks.remove(admin, webhook.id, key('gone'));
    await webhooks.remove(admin, webhook.id, key('gone'));
    await assert.rejects(webhooks.remove(admin, webhook.id), { code: 'not_found' });
    await exchange('Two');
    assert.equal(other.received.waiting, 0);
    assert.deepEqual(
      (await audited()).map(({ action }) => action),
      ['webhook.delete', 'webhook.update', 'webhook.create'],
    );
  });

  it('try it out, also while it is switched off', async (t) => {
    const { webhooks, create, received } = await createTested(t);
    const { webhook, secret } = await create();
    await webhooks.update(admin, webhook.id, { enabled: false });
    const tested = webhooks.test(admin, webhook.id, never);
    const ping = await received.next();
    assert.deepEqual([ping.event.type, ping.event.data], ['ping', {}]);
    assert.equal(ping.headers['webhook-signature'], signatureOf(ping, secret ?? ''));
    ping.answer(201);
    assert.deepEqual(await tested, { statusCode: 201, error: null });
  });

  it('are told what is wrong with it', async (t) => {
    const { webhooks, create, url } = await createTested(t);
    const { webhook } = await create();
    const events = ['message.created'] as const;
    for (const [input, field] of [
      [{ url: 'http://192.168.0.1/', events }, 'url'],
      [{ url: 'gopher://shop.example/', events }, 'url'],
      [{ url, events: [] }, 'events'],
      [{ url, events, description: 'x'.repeat(501) }, 'description'],
    ] as const) {
      await assert.rejects(webhooks.create(admin, input), { code: 'invalid_request', field });
      await assert.rejects(webhooks.update(admin, webhook.id, input), { code: 'invalid_request', field });
    }
    await assert.rejects(webhooks.get(99), { code: 'not_found' });
    await assert.rejects(webhooks.update(admin, 99, {}), { code: 'not_found' });
    await assert.rejects(webhooks.rotate(admin, 99), { code: 'not_found' });
  });
});
