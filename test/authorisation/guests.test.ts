import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { callerNames, type CallerName } from '../support/callers.ts';
import { helpdeskSocket, settled } from '../support/helpdesk-socket.ts';
import type { Entry, NamedObject, ObjectCase, Target } from './entry.ts';
import { knock } from './knock.ts';
import { matrix } from './matrix.ts';
import { makeWorld, wordsOf, type World } from './world.ts';

const refusals = new Set([400, 401, 403, 404, 4401, 4404]);
const staff: readonly CallerName[] = ['agent', 'administrator'];

/** Doors that a session can be named at, with each way to name it. */
const doors = Object.entries(matrix).flatMap(([door, entry]) =>
  entry.objects === 'none'
    ? []
    : entry.objects.filter(namesSession).map((object) => ({ door, entry, object })),
);

describe('the number of a guest’s conversation opens nothing', () => {
  let world: World;
  before(async () => void (world = await makeWorld()));
  after(() => world.close());

  const come = (door: string, entry: Entry, name: CallerName, object: NamedObject, named: Target) => {
    const { headers, ...sent } = object.send(named, named);
    return knock(world.parley, door, sent, {
      ...headers,
      ...world.callers[entry.issuer ?? 'assistant'][name],
    });
  };

  for (const { door, entry, object } of doors) {
    test(`${door}: the ${object.kind} ${object.where}`, async () => {
      const guests = await world.own('guest session', 'user');
      const number = guests.conversationId ?? 0;
      const before = await look(number);
      for (const name of callerNames) {
        // Staff have every conversation by its number, under their own addresses.
        const mayByNumber = staff.includes(name) && door.includes('/admin/');
        for (const id of mayByNumber ? [`sess_${number}`] : [number, `sess_${number}`]) {
          const { status, text } = await come(door, entry, name, object, { id, turnId: guests.turnId });
          assert.ok(refusals.has(status), `${name}, ${id}: ${status} ${text}`);
          assert.ok(!text.includes(wordsOf('user')), `${name} reads it`);
        }
      }
      assert.deepEqual(await look(number), before, 'it was changed');
    });
  }

  test('WS /ws: in every frame', async () => {
    const guests = await world.own('guest session', 'user');
    const number = guests.conversationId ?? 0;
    const before = await look(number);
    for (const name of ['nobody', 'user', 'agent', 'administrator'] as const) {
      const headers = world.callers.helpdesk[name];
      const socket = await helpdeskSocket(world.parley, '', headers);
      await settled(socket);
      for (const session_id of [number, String(number), `sess_${number}`]) {
        for (const type of ['auth', 'message', 'typing', 'read', 'stop']) {
          socket.say(type, { session_id, content: 'Hello' }, type);
          const { data } = (await socket.until((frame) => frame.id === type)).at(-1) ?? {};
          const expected = session_id === number ? 'INVALID_MESSAGE_FORMAT' : 'SESSION_NOT_FOUND';
          assert.equal(data?.code, expected, `${name}, ${type} ${session_id}`);
        }
      }
      const rest = JSON.stringify(await settled(socket));
      assert.ok(!rest.includes(wordsOf('user')), name);
      await socket.close();
    }
    assert.deepEqual(await look(number), before, 'it was changed');
  });

  async function look(id: number): Promise<unknown> {
    const { conversations } = world.parley.app.core;
    const guest = { kind: 'guest', ip: '', conversationId: id, userId: null } as const;
    return [
      await conversations.get(guest, id),
      await conversations.messages(guest, id, { skip: 0, limit: 100 }),
    ];
  }
});

function namesSession(object: ObjectCase): object is NamedObject {
  return ['session', 'session key', 'guest session', 'conversation'].includes(object.kind);
}
