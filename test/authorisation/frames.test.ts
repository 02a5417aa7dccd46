import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LoginContract } from '../support/accounts.ts';
import { callerNames, type CallerName } from '../support/callers.ts';
import { openSocket, type SocketClient } from '../support/socket.ts';
import type { Entry, FrameCase, NamedObject, Target } from './entry.ts';
import { knockAtSocket, type Answer } from './knock.ts';
import { matrix, victimsAnswer } from './matrix.ts';
import { makeWorld, type World } from './world.ts';

/** Those who have no token of the companion’s are the gateway’s, at the same path. */
const withoutToken: readonly CallerName[] = ['nobody', 'keyWithoutScope', 'key', 'adminKey'];

describe('frames', () => {
  let world: World;
  let unchanged: string;
  /** The victim's own sockets; of the gateway's, an answer is on its way. */
  let victims: SocketClient[];
  let heard: number;
  before(async () => {
    world = await makeWorld();
    unchanged = await world.victim.look();
    const { headers, session } = world.victim;
    const { wsUrl } = world.parley;
    victims = [
      await openSocket(`${wsUrl}/ws/chat/${session.id}`, { headers }),
      await openSocket(`${wsUrl}/ws/chat`, { headers }),
    ];
    victims[1]?.send({
      type: 'chat',
      id: victimsAnswer,
      data: { message: world.victim.word, model: 'gpt-4o-mini', stream: true },
    });
    await (await world.vendor.next()).delta('So far');
    await victims[1]?.next();
    heard = await settled();
  });
  after(() => world.close());

  /** How many frames the victim has heard and not read, once a ping of each socket is answered. */
  async function settled(): Promise<number> {
    for (const socket of victims) {
      socket.send({ type: 'ping', id: 'settled' });
      await socket.until('pong');
    }
    return victims.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  for (const [door, entry] of Object.entries(matrix)) {
    for (const [type, frame] of Object.entries(entry.frames ?? {})) {
      test(`${door}: ${type}`, async () => {
        for (const issuer of issuersAt(entry)) {
          for (const name of callerNames) {
            if (issuer === 'companion' && withoutToken.includes(name)) continue;
            const shown = { ...entry, issuer };
            if (entry.objects === 'none') await testUnnamed(shown, frame, name);
            else
              for (const object of entry.objects) await testNamed(shown, frame, object as NamedObject, name);
            assert.equal(await world.victim.look(), unchanged, `${name} changed what is another's`);
          }
        }
        assert.equal(await settled(), heard, 'the victim was told of it');
      });
    }
  }

  const say = (entry: Entry, name: CallerName, at: string, frames: object[], answer?: string) =>
    knockAtSocket(
      `${world.parley.wsUrl}${at}`,
      world.callers[entry.issuer ?? 'assistant'][name],
      frames,
      undefined,
      answer,
    );

  /** To a socket whose address names nothing: what is one's own is the chat that one has, or does not have yet. */
  async function testUnnamed(entry: Entry, frame: FrameCase, name: CallerName): Promise<void> {
    const expected = entry.closed[name];
    const { send, answer, named } = frame;
    const frames = named === undefined ? [send] : [named.first, send];
    if (entry.issuer === 'companion') {
      await world.forgetChats(name);
      assertAnswer(
        frame,
        expected,
        await say(entry, name, '/ws/chat', frames, answer),
        `${name}, who has none`,
      );
      const own = await world.beginChat(name);
      await testOwn(entry, frame, name, expected, '/ws/chat', own);
    } else {
      assertAnswer(frame, expected, await say(entry, name, '/ws/chat', frames, answer), name);
    }
    if (named === undefined || expected !== 101) return;
    const others = await say(entry, name, '/ws/chat', [named.others], 'error');
    const missing = await say(entry, name, '/ws/chat', [named.missing], 'error');
    assert.equal(told(others, victimsAnswer), told(missing, 'none'), `${name} learns whether it is there`);
  }

  async function testNamed(
    entry: Entry,
    frame: FrameCase,
    object: NamedObject,
    name: CallerName,
  ): Promise<void> {
    const own = await world.own(object.kind, name);
    const at = (target: Target) => object.send(target, own).at;
    const others = await world.others(object.kind);
    const toOthers = await say(entry, name, at(others), [frame.send], frame.answer);
    assertAnswer(frame, object.others[name], toOthers, `${name}, another’s`);
    assert.ok(!toOthers.text.includes(world.victim.word), `${name} hears what is another's`);
    for (const missing of await world.missing(object.kind)) {
      const toMissing = await say(entry, name, at(missing), [frame.send], frame.answer);
      assertAnswer(frame, object.missing[name], toMissing, `${name}, a missing one`);
      if (toOthers.status !== 101) assert.equal(toOthers.text, toMissing.text, name);
    }
    await testOwn(entry, frame, name, object.own[name], at(own), own);
  }

  async function testOwn(
    entry: Entry,
    frame: FrameCase,
    name: CallerName,
    expected: number,
    at: string,
    own: Target,
  ): Promise<void> {
    const messages = await world.messagesIn(Number(own.id));
    assertAnswer(
      frame,
      expected,
      await say(entry, name, at, [frame.send], frame.answer),
      `${name}, one’s own`,
    );
    if (expected === 101) return;
    assert.equal(await world.messagesIn(Number(own.id)), messages, `the frame of ${name} was heard`);
  }

  test('nothing that was shown or said is in the log, however it was shown', async () => {
    const { parley, callers, secrets } = world;
    const { id } = await world.own('session', 'user');
    for (const [door, entry] of Object.entries(matrix)) {
      if (entry.frames === undefined) continue;
      const at = `${parley.wsUrl}${door.split(' ')[1]?.replace(':session_id', String(id))}`;
      for (const issuer of issuersAt(entry)) {
        for (const name of ['user', 'disabled', 'revoked', 'expired', 'forged'] as const) {
          const token = callers[issuer][name]['authorization']?.slice('Bearer '.length) ?? '';
          for (const socket of [
            await openSocket(`${at}?token=${token}`),
            await openSocket(at, { protocols: [`bearer.${token}`] }),
          ]) {
            socket.send(`{"type": "message", "content": "${token}`);
            socket.send({ type: token, id: token });
            socket.send({ type: 'message', content: [token], data: { content: token, model: token } });
            socket.send({ type: 'ping' });
            await socket.until('pong').catch(() => assert.notEqual(name, 'user'));
            await socket.close();
          }
        }
      }
    }
    secrets.assertNoneIn(parley.log());
  });
});

/** Whose tokens are shown: studio has no sockets of its own, and its clients come to the others'. */
function issuersAt({ issuer = 'assistant' }: Entry): LoginContract[] {
  return issuer === 'companion' ? [issuer] : [issuer, 'studio'];
}

/** Refused, a socket says why once, and nothing else. */
function assertAnswer({ answer }: FrameCase, expected: number, { status, text }: Answer, who: string): void {
  assert.equal(status, expected, `${who}: ${text}`);
  const types = text.split('\n').map((line) => (JSON.parse(line) as { type: string }).type);
  if (status !== 101) return assert.deepEqual(types, ['error'], `${who}: ${text}`);
  assert.ok(types.includes(answer ?? 'pong'), `${who}: ${text}`);
  assert.ok(!types.includes('error'), `${who}: ${text}`);
}

function told({ text }: Answer, name: string): string {
  return text.replaceAll(name, '<name>').replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/gu, '<time>');
}
