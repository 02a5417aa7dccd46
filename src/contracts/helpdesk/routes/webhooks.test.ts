import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Answered } from '../../../../test/support/gateway.ts';
import {
  askHelpdesk,
  beginSession,
  joinHelpdesk,
  sendMessage,
  type Headers,
  type HelpdeskError,
  type MessageBody,
  type Success,
} from '../../../../test/support/helpdesk.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { createQueue } from '../../../../test/support/queue.ts';
import { assertShape } from '../../../../test/support/shape.ts';

interface WebhookBody {
  id: number;
  url: string;
  description: string;
  events: string[];
  enabled: boolean;
  disabled_reason: string | null;
  failing_since: string | null;
  last_delivery: { at: string; delivered: boolean; status_code: number | null; error: string | null } | null;
  created_by: number;
  created_at: string;
  updated_at: string;
}

interface DeliveryBody {
  id: number;
  event_id: string;
  type: string;
  state: string;
  attempts: number;
  status_code: number | null;
  error: string | null;
  next_attempt_at: string | null;
  created_at: string;
  delivered_at: string | null;
}

type One = Success<WebhookBody & { secret: string | null }> & HelpdeskError;

interface Told {
  type: string;
  data: { conversation: { session_id: string; user_id: string }; message: MessageBody };
}

const shape: WebhookBody = {
  id: 1,
  url: 'x',
  description: 'x',
  events: ['x'],
  enabled: true,
  disabled_reason: null,
  failing_since: null,
  last_delivery: null,
  created_by: 1,
  created_at: '2024-01-01T10:00:00Z',
  updated_at: '2024-01-01T10:00:00Z',
};

describe('helpdesk: webhooks', () => {
  let parley: Parley;
  let admin: Headers;
  let agent: Headers;
  let url: string;
  let status = 200;
  const received = createQueue<{ headers: IncomingHttpHeaders; told: Told }>();
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push({ headers: request.headers, told: JSON.parse(body) as Told });
      response.writeHead(status).end();
    });
  });
  const ask = <T = One>(method: string, path = '', body?: unknown, headers = admin): Promise<Answered<T>> =>
    askHelpdesk<T>(parley, method, `/admin/webhooks${path}`, body, headers);

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    parley = await startParley({
      yaml: { webhooks: { allow_http: true, allow_private_addresses: '127.0.0.1' } },
    });
    admin = (await joinHelpdesk(parley, 'boss', 'admin')).headers;
    agent = (await joinHelpdesk(parley, 'agent', 'agent')).headers;
  });
  after(async () => {
    await parley.close();
    server.close();
  });

  test('one is made, told of a guest’s message and its answer, looked at, changed and removed', async () => {
    status = 200;
    const made = await ask('POST', '', { url, events: ['message.created'] });
    assert.equal(made.status, 201);
    assert.equal(made.headers.get('cache-control'), 'no-store');
    const { secret, ...webhook } = made.body.data;
    assertShape(webhook, shape);
    assert.match(secret ?? '', /^whsec_/u);

    const { session_id } = await beginSession(parley);
    const sent = await sendMessage(parley, session_id, 'Hello');
    const told = [(await received.next()).told, (await received.next()).told];
    assert.deepEqual(
      told.map(({ type, data }) => [type, data.message.sender_type, data.conversation.session_id]),
      [
        ['message.created', 'user', session_id],
        ['message.created', 'ai', session_id],
      ],
    );
    const { reply: _, ...question } = sent.body.data;
    assert.deepEqual(told[0]?.data.message, question);
    assert.equal(told[0]?.data.conversation.user_id, 'guest_123');

    const path = `/${webhook.id}`;
    const listed = await eventually(async () => {
      const { body } = await ask<Success<{ deliveries: DeliveryBody[]; total: number; has_more: boolean }>>(
        'GET',
        `${path}/deliveries`,
      );
      return body.data.deliveries.every(({ state }) => state === 'delivered') ? body.data : undefined;
    });
    assert.deepEqual([listed.total, listed.has_more], [2, false]);
    const [newest] = listed.deliveries;
    assert.deepEqual([newest?.attempts, newest?.status_code, newest?.error], [1, 200, null]);

    const changed = await ask('PUT', path, { description: 'The shop' });
    assert.deepEqual([changed.body.data.description, changed.body.data.url], ['The shop', url]);
    assert.equal(changed.body.data.last_delivery?.delivered, true);
    const all = await ask<Success<{ webhooks: WebhookBody[]; total: number }>>('GET');
    assert.deepEqual(all.body.data.webhooks, [changed.body.data]);
    assert.ok(!JSON.stringify([all.body, changed.body]).includes('whsec_'));

    assert.equal((await ask('DELETE', path)).status, 200);
    const gone = await ask('GET', path);
    assert.deepEqual([gone.status, gone.body.error.code], [404, 'NOT_FOUND']);
  });

  test('who has answered is named, also where somebody else has the conversation by then', async () => {
    status = 200;
    const agents = await Promise.all(['mina', 'noah'].map((name) => joinHelpdesk(parley, name, 'agent')));
    const [mina, noah] = agents as [(typeof agents)[0], (typeof agents)[0]];
    const { session_id } = await beginSession(parley);
    const made = await ask('POST', '', { url, events: ['message.created'] });
    await sendMessage(parley, session_id, 'I am Mina.', mina.headers);
    const given = { assignee_id: noah.id };
    await askHelpdesk(parley, 'POST', `/admin/conversations/${session_id}/assign`, given, admin);
    const { data } = (await received.next()).told;
    assert.deepEqual(
      [data.message.content, data.message.sender],
      ['I am Mina.', { id: mina.id, name: 'mina' }],
    );
    await ask('DELETE', `/${made.body.data.id}`);
  });

  test('a repeat under the same key makes nothing more, and shows no secret again', async () => {
    const headers = { ...admin, 'idempotency-key': 'webhook-1' };
    const body = { url, events: ['conversation.rated'] };
    const first = await ask('POST', '', body, headers);
    const again = await ask('POST', '', body, headers);
    assert.deepEqual([again.status, again.body.data.id], [201, first.body.data.id]);
    assert.equal(again.body.data.secret, null);
    const rotated = await ask('POST', `/${first.body.data.id}/rotate-secret`, undefined, admin);
    assert.match(rotated.body.data.secret ?? '', /^whsec_/u);
    assert.notEqual(rotated.body.data.secret, first.body.data.secret);
    await ask('DELETE', `/${first.body.data.id}`);
  });

  test('it is tried out, and a delivery that failed is sent again', async () => {
    status = 500;
    const made = await ask('POST', '', { url, events: ['message.created'] });
    const path = `/${made.body.data.id}`;
    type Outcome = Success<{ delivered: boolean; status_code: number; error: string | null }>;
    const { body: failed } = await ask<Outcome>('POST', `${path}/test`);
    assert.deepEqual(failed.data, { delivered: false, status_code: 500, error: 'It answered 500.' });
    assert.equal((await received.next()).told.type, 'ping');

    const { session_id } = await beginSession(parley);
    await sendMessage(parley, session_id, 'Hello');
    const first = await received.next();
    const pending = await eventually(async () => {
      const { body } = await ask<Success<{ deliveries: DeliveryBody[] }>>('GET', `${path}/deliveries`);
      return body.data.deliveries.find(({ attempts }) => attempts === 1);
    });
    assert.deepEqual([pending.state, pending.error], ['pending', 'It answered 500.']);
    assert.ok(Date.parse(pending.next_attempt_at ?? '') > Date.parse(pending.created_at));
    status = 200;
    const retried = await ask<Success<DeliveryBody>>('POST', `${path}/deliveries/${pending.id}/retry`);
    assert.equal(retried.status, 200);
    assert.equal((await received.next()).headers['webhook-id'], first.headers['webhook-id']);
    await received.next();
    await eventually(async () => {
      const { body } = await ask<Success<{ deliveries: DeliveryBody[] }>>('GET', `${path}/deliveries`);
      return body.data.deliveries.every(({ state }) => state === 'delivered') ? true : undefined;
    });
    const late = await ask('POST', `${path}/deliveries/${pending.id}/retry`);
    assert.deepEqual([late.status, late.body.error.code], [409, 'CONFLICT']);
    const none = await ask('POST', `${path}/deliveries/999999/retry`);
    assert.equal(none.status, 404);
    await ask('DELETE', path);
  });

  for (const [what, body, field] of [
    ['a private address', { url: 'http://10.0.0.1/', events: ['note.created'] }, 'url'],
    ['a private address in disguise', { url: 'http://0x0a000001/', events: ['note.created'] }, 'url'],
    ['no web address', { url: 'file:///etc/passwd', events: ['note.created'] }, 'url'],
    ['no events', { url: 'http://127.0.0.1/', events: [] }, 'events'],
    ['an unknown event', { url: 'http://127.0.0.1/', events: ['everything'] }, 'events.0'],
    ['no address', { events: ['note.created'] }, 'url'],
  ] as const) {
    test(`${what} is refused, the field named`, async () => {
      const refused = await ask('POST', '', body);
      assert.deepEqual([refused.status, refused.body.error.code], [400, 'VALIDATION_ERROR']);
      assert.equal(refused.body.error.details?.field, field);
    });
  }

  test('agents are refused', async () => {
    for (const method of ['GET', 'POST']) {
      const refused = await ask(
        method,
        '',
        method === 'POST' ? { url, events: ['note.created'] } : undefined,
        agent,
      );
      assert.deepEqual([refused.status, refused.body.error.code], [403, 'FORBIDDEN']);
    }
  });
});

test('a message that was on its way when the server stopped comes again after the start, the same', async (t) => {
  const received = createQueue<{ id: unknown; body: string; answer: () => void }>();
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push({ id: request.headers['webhook-id'], body, answer: () => void response.end() });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const parley = await startParley({
    yaml: { webhooks: { allow_http: true, allow_private_addresses: '127.0.0.1' } },
  });
  t.after(() => parley.close());
  const { headers } = await joinHelpdesk(parley, 'boss', 'admin');
  const events = ['conversation.created', 'message.created'];
  await askHelpdesk(parley, 'POST', '/admin/webhooks', { url, events }, headers);
  const { session_id } = await beginSession(parley);
  const before = await received.next();
  await sendMessage(parley, session_id, 'Hello');
  await parley.restart();
  const again = await received.next();
  assert.deepEqual([again.id, again.body], [before.id, before.body]);
  again.answer();
  for (const sender of ['user', 'ai']) {
    const message = await received.next();
    assert.equal((JSON.parse(message.body) as Told).data.message.sender_type, sender);
    message.answer();
  }
});
