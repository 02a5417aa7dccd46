import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { StaffCaller } from '../../src/core/identity/caller.ts';
import { joinHelpdesk } from '../support/helpdesk.ts';
import { openSocket } from '../support/socket.ts';
import { callerNamed } from './asking.ts';
import type { Entry, NamedObject, ObjectCase, Sent, Target } from './entry.ts';
import { knock } from './knock.ts';
import { matrix } from './matrix.ts';
import { makeWorld, type World } from './world.ts';

const note = 'pangolin among agents';

describe('notes among agents', () => {
  let world: World;
  let agent: StaffCaller;
  before(async () => {
    world = await makeWorld();
    agent = (await callerNamed(world.parley, 'agent')) as StaffCaller;
    world.secrets.add('a note', note);
  });
  after(() => world.close());

  const come = (door: string, entry: Entry, { headers, ...sent }: Sent, name: 'user' | 'agent') =>
    knock(world.parley, door, sent, { ...headers, ...world.callers[entry.issuer ?? 'assistant'][name] });
  const noted = async (kind: NamedObject['kind']): Promise<Target> => {
    const target = await world.own(kind, 'user');
    await world.parley.app.core.notes.add(agent, target.conversationId ?? 0, note);
    return target;
  };

  for (const [door, entry] of Object.entries(matrix)) {
    if (entry.objects === 'none') continue;
    for (const object of entry.objects) {
      if (!isOfConversation(object)) continue;
      const where = 'where' in object ? `, ${object.kind} ${object.where}` : '';
      test(`${door}${where}: are not the customer’s to read`, async () => {
        const { text } = await come(door, entry, await requestTo(object), 'user');
        assert.ok(!text.includes('pangolin'), text);
      });
    }
  }

  async function requestTo(object: ObjectCase): Promise<Sent> {
    if ('send' in object) {
      const target = await noted(object.kind);
      return object.send(target, target);
    }
    await noted('session');
    return { at: object.at, ...('body' in object && object.body !== undefined && { body: object.body }) };
  }

  test('are the agents’', async () => {
    for (const rest of ['notes', 'export?format=json', 'export?format=csv']) {
      const { conversationId } = await noted('guest session');
      const at = `/api/v1/admin/conversations/${conversationId}/${rest}`;
      const door = 'GET /api/v1/admin/conversations/:id/notes';
      const { status, text } = await come(door, matrix[door] as Entry, { at }, 'agent');
      assert.ok(status === 200 && text.includes(note), text);
    }
  });

  test('reach no open socket of a customer, while what agents say does', async () => {
    const { parley, callers } = world;
    const { handoff, notes, desk } = parley.app.core;
    const own = await world.own('session key', 'user');
    const guests = await world.own('guest session', 'user');
    const chat = await world.beginChat('user');
    const at = (path: string) => `${parley.wsUrl}${path}`;
    const headers = callers.helpdesk.user;
    const sockets = [
      await openSocket(at(`/ws?session_id=${own.id}`), { headers }),
      await openSocket(at(`/ws?session_id=${guests.id}`)),
      await openSocket(at(`/ws/chat/${own.conversationId}`), { headers }),
      await openSocket(at('/ws/chat'), { headers: callers.companion.user }),
    ];
    for (const id of [own.conversationId ?? 0, guests.conversationId ?? 0, Number(chat.id)]) {
      await handoff.take(agent, id);
      await notes.add(agent, id, note);
      await desk.label(agent, id, { tags: ['pangolin'], priority: 'urgent' });
      await handoff.reply(agent, id, 'All is well');
    }
    for (const socket of sockets) {
      let said = '';
      while (!said.includes('All is well')) said += JSON.stringify(await socket.next());
      assert.ok(!said.includes('pangolin'), said);
      await socket.close();
    }
    world.secrets.assertNoneIn(parley.log());
  });

  test('and all else that staff are told, stop at once for one who is none any more', async () => {
    const { parley } = world;
    const { administration, notes, conversations, handoff } = parley.app.core;
    const boss = await callerNamed(parley, 'administrator');
    const { headers, id } = await joinHelpdesk(parley, 'former', 'agent');
    const early = await openSocket(`${parley.wsUrl}/ws`, { headers });
    const late = await openSocket(`${parley.wsUrl}/ws`);
    const token = headers.authorization.slice('Bearer '.length);
    late.send({ type: 'auth', data: { token } });
    for (const socket of [early, late]) await socket.until('auth');
    const { conversationId = 0 } = await world.own('guest session', 'user');
    await administration.update(boss, id, { role: 'user' });
    await notes.add(agent, conversationId, note);
    await handoff.reply(agent, conversationId, 'After it');
    await conversations.begin({ kind: 'anonymous', ip: '' }, { contract: 'helpdesk', guestId: 'After it' });
    for (const socket of [early, late]) {
      const frames: unknown[] = [];
      for (;;) {
        const frame = await socket.next().catch(() => undefined);
        if (frame === undefined) break;
        frames.push(frame);
      }
      assert.equal((await socket.closed).code, 4401);
      assert.doesNotMatch(JSON.stringify(frames), /pangolin|After it/u);
    }
  });
});

/** What can show something of a conversation. */
function isOfConversation(object: ObjectCase): boolean {
  const kinds = [
    'session',
    'session key',
    'guest session',
    'conversation',
    'list',
    'everybody’s list',
    'current chat',
  ];
  return kinds.includes(object.kind);
}
