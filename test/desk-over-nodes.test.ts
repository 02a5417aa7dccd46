import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { removeKeys, realRedisUrl, skipWithoutRedis } from '../src/redis/real-redis.fixture.ts';
import { temporarySchema, withoutPostgres } from '../src/storage/real-postgres.fixture.ts';
import { makeAccount, tokenOf } from './support/accounts.ts';
import type { ConversationBody } from './support/desk.ts';
import { eventually } from './support/eventually.ts';
import {
  askHelpdesk,
  beginSession,
  helpdeskLogin,
  joinHelpdesk,
  sendMessage,
  type Headers,
  type Success,
} from './support/helpdesk.ts';
import { helpdeskSocket, type HelpdeskFrame } from './support/helpdesk-socket.ts';
import { startParley, type Parley } from './support/parley.ts';
import { openSocket } from './support/socket.ts';

const skip = withoutPostgres || skipWithoutRedis;
const prefix = `parley-test:desk-over-nodes:${process.pid}:`;
const cleanups: (() => Promise<void>)[] = [];

/** Two nodes over one database and one Redis. */
let one: Parley;
let two: Parley;
let boss: Headers;

before(async () => {
  if (skip) return;
  const env = {
    DATABASE_URL: await temporarySchema({ after: (work) => void cleanups.push(work as () => Promise<void>) }),
    REDIS_URL: realRedisUrl,
    PARLEY_REDIS_PREFIX: prefix,
    PARLEY_SECRET: 'sixteen characters at least',
    PARLEY_RATE_LIMITS: 'on',
    PARLEY_TRUSTED_PROXIES: '127.0.0.1',
  };
  const often = { logins_per_minute: 1_000 };
  const limits = {
    companion: { ...often, sockets_per_user: 2 },
    helpdesk: { ...often, visits_per_minute: 1_000, sockets_per_address: 3 },
  };
  one = await startParley({ env, yaml: { limits } });
  two = await startParley({ env, yaml: { limits } });
  boss = (await joinHelpdesk(one, 'boss', 'admin')).headers;
});
after(async () => {
  await one?.close();
  await two?.close();
  for (const cleanUp of cleanups) await cleanUp();
  if (!skip) await removeKeys(prefix);
});

const admin = async <T>(at: Parley, method: string, path: string, body?: unknown) => {
  const answer = await askHelpdesk<Success<T>>(at, method, `/admin${path}`, body, boss);
  assert.ok(answer.status < 300, JSON.stringify(answer.body));
  return answer.body.data;
};

/** An agent who sits at a node, ready to be told of what comes. */
async function sit(at: Parley, name: string) {
  const { id, headers } = await joinHelpdesk(one, name, 'agent');
  const socket = await helpdeskSocket(at, '', headers);
  assert.equal((await socket.next()).type, 'auth');
  return { id, headers, socket };
}

describe('a helpdesk on two nodes', { skip }, () => {
  test('agents are given what waits, wherever they sit and it begins to wait, and no more than they have room for', async () => {
    const [ann, bob] = [await sit(one, 'ann'), await sit(two, 'bob')];
    await admin(two, 'PUT', '/settings', { assignment: 'round_robin', capacity: 2 });
    const listed = () =>
      admin<{ agents: { id: number; availability: string; open_conversations: number }[] }>(
        one,
        'GET',
        '/agents',
      );
    await eventually(async () => {
      const { agents } = await listed();
      const online = agents.filter(({ availability }) => availability === 'online').map(({ id }) => id);
      return online.includes(ann.id) && online.includes(bob.id) ? true : undefined;
    });
    const human = { agent_type: 'human' };
    await Promise.all(
      [one, two, one, two, one, two].map(async (at, n) => {
        const { session_id } = await beginSession(at, { user_id: `guest_${n}` });
        await askHelpdesk(at, 'POST', `/chat/sessions/${session_id}/switch-agent`, human);
      }),
    );
    await eventually(async () => {
      const { agents } = await listed();
      const open = [ann, bob].map(({ id }) => agents.find((agent) => agent.id === id)?.open_conversations);
      assert.ok(
        open.every((count) => (count ?? 0) <= 2),
        String(open),
      );
      return open.every((count) => count === 2) ? true : undefined;
    });
    const waiting = await admin<{ conversations: ConversationBody[] }>(
      two,
      'GET',
      '/conversations?status=pending',
    );
    assert.equal(waiting.conversations.length, 2);
    await admin(one, 'PUT', '/settings', { assignment: 'manual' });
    await Promise.all([ann.socket.close(), bob.socket.close()]);
  });

  test('a guest and an agent on different nodes see each other type and speak', async () => {
    const agent = await sit(two, 'cleo');
    const { session_id } = await beginSession(one, { user_id: 'guest_far' });
    await askHelpdesk(one, 'POST', `/chat/sessions/${session_id}/switch-agent`, { agent_type: 'human' });
    const guest = await helpdeskSocket(one, `session_id=${session_id}`);
    assert.equal((await guest.next()).type, 'auth');
    guest.say('typing', { session_id, is_typing: true });
    const isTyping = ({ type, data }: HelpdeskFrame) => type === 'typing' && data.session_id === session_id;
    await agent.socket.until(isTyping);
    guest.say('message', { session_id, content: 'Is anybody there?' });
    const says =
      (text: string) =>
      ({ type, data }: HelpdeskFrame) =>
        type === 'message' && data.content === text;
    await agent.socket.until(says('Is anybody there?'));
    agent.socket.say('typing', { session_id, is_typing: true });
    await guest.until(isTyping);
    agent.socket.say('message', { session_id, content: 'I am.' });
    await guest.until(says('I am.'));
    await Promise.all([guest.close(), agent.socket.close()]);
  });

  test('a login that ends on one takes its sockets on the other with it', async () => {
    const dora = await sit(one, 'dora');
    const out = await askHelpdesk(two, 'POST', '/auth/logout', {}, dora.headers);
    assert.ok(out.status < 300, JSON.stringify(out.body));
    assert.equal((await dora.socket.closed).code, 4401);
    const refused = await askHelpdesk(one, 'GET', '/auth/me', undefined, dora.headers);
    assert.equal(refused.status, 401);
  });

  test('the maintenance switch that is moved on one holds on the other', async () => {
    const { session_id } = await beginSession(one, { user_id: 'guest_late' });
    const say = async (at: Parley) => (await sendMessage(at, session_id, 'Hello?')).status;
    await admin(one, 'PUT', '/maintenance', { enabled: true });
    await eventually(async () => ((await say(two)) === 503 ? true : undefined));
    await admin(two, 'PUT', '/maintenance', { enabled: false });
    await eventually(async () => ((await say(one)) < 300 ? true : undefined));
  });

  test('what is said on one is found, and shown, on the other', async () => {
    const { session_id } = await beginSession(one, { user_id: 'guest_said' });
    const headers = await helpdeskLogin(two, 'ann');
    const socket = await helpdeskSocket(two, '', headers);
    assert.equal((await socket.next()).type, 'auth');
    await sendMessage(one, session_id, 'Where is my umbrella?');
    await socket.until(({ data }) => data.content === 'Where is my umbrella?');
    await socket.close();
  });
});

interface Answering {
  send(frame: unknown): void;
  next(): Promise<unknown>;
}

describe('open connections over both nodes', { skip }, () => {
  /** One that has its seat: what it sends is answered. */
  const seated = async <Socket extends Answering>(opening: Promise<Socket>) => {
    const socket = await opening;
    socket.send({ type: 'ping' });
    await socket.next();
    return socket;
  };

  test('are counted for each person', async () => {
    await makeAccount(one, 'emil');
    const token = await tokenOf(one, 'emil', 'companion');
    const open = (at: Parley) => openSocket(`${at.wsUrl}/ws/chat?token=${token}`);
    const [first] = [await seated(open(one)), await seated(open(two))];
    for (const at of [one, two]) assert.equal((await (await open(at)).closed).code, 4429);
    await first.close();
    await eventually(() =>
      seated(open(two)).then(
        () => true,
        () => undefined,
      ),
    );
  });

  test('are counted for each address', async () => {
    const open = (at: Parley) => helpdeskSocket(at, '', { 'x-forwarded-for': '192.0.2.77' });
    for (const at of [one, two, one]) await seated(open(at));
    for (const at of [one, two]) assert.equal((await (await open(at)).closed).code, 4429);
  });
});
