import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { callerNames, type CallerName } from '../support/callers.ts';
import {
  helpdeskSocket,
  settled,
  type HelpdeskFrame,
  type HelpdeskSocket,
} from '../support/helpdesk-socket.ts';
import type { SessionFrameCase } from './entry.ts';
import { matrix } from './matrix.ts';
import { makeWorld, wordsOf, type World } from './world.ts';

const door = 'WS /ws (helpdesk)';
const staff: readonly CallerName[] = ['agent', 'administrator'];
const entry = matrix[door];

describe(`frames of ${door}`, () => {
  let world: World;
  let unchanged: string;
  let victims: HelpdeskSocket;
  let sent = 0;
  before(async () => {
    world = await makeWorld();
    unchanged = await world.victim.look();
    const { id } = await world.others('session key');
    victims = await helpdeskSocket(world.parley, `session_id=${id}`, world.victim.headers);
    await settled(victims);
  });
  after(() => world.close());

  for (const [type, frame] of Object.entries(entry?.sessionFrames ?? {})) {
    test(type, async () => {
      for (const name of callerNames) {
        if (entry?.closed[name] === 101) await testFrame(frame, name);
        else await testRefused(frame, name);
        assert.equal(await world.victim.look(), unchanged, `${name} changed what is another's`);
      }
      assert.deepEqual(await settled(victims), [], 'the victim was told of it');
    });
  }

  const open = (name: CallerName) => helpdeskSocket(world.parley, '', world.callers.helpdesk[name]);

  /** All that is said to one who sends the frame about the session, and what it was refused with. */
  async function say(frame: SessionFrameCase, name: CallerName, sessionId: number | string) {
    const socket = await open(name);
    await settled(socket);
    const asked = `asked-${++sent}`;
    socket.send({ ...frame.send(String(sessionId)), id: asked });
    const told = frame.answer === undefined ? [] : await socket.until(({ id }) => id === asked);
    const frames = [...told, ...(await settled(socket))];
    await socket.close();
    const answer = frames.find(({ id }) => id === asked);
    return { frames, answer: answer?.type, code: answer?.type === 'error' ? answer.data.code : undefined };
  }

  async function testFrame(frame: SessionFrameCase, name: CallerName): Promise<void> {
    const isStaff = staff.includes(name);
    const own = await world.own('session key', name);
    const guests = await world.own('guest session', name);
    const others = await world.others('session key', isStaff);
    const refusal = isStaff ? frame.staff : frame.customers;
    const accepts = async (sessionId: number | string, code: string | undefined, who: string) => {
      const said = await say(frame, name, sessionId);
      assert.equal(said.code, code, `${who}: ${JSON.stringify(said.frames)}`);
      if (code === undefined) assert.equal(said.answer, frame.answer, who);
    };
    const none = frame.namesNone === true ? refusal : 'SESSION_NOT_FOUND';
    if (name !== 'nobody')
      await accepts(own.id, frame.namesNone === true ? refusal : frame.customers, `${name}, one’s own`);
    await accepts(guests.id, refusal, `${name}, a guest’s`);
    await accepts(others.id, isStaff ? refusal : none, `${name}, another’s`);
    const missing = (await world.missing('session key')).map(({ id }) => id);
    const numbers = [guests.conversationId ?? 0, others.conversationId ?? 0];
    for (const id of [...missing, ...numbers, ...numbers.map((number) => `sess_${number}`)]) {
      await accepts(id, none, `${name}, ${id}`);
    }
    if (isStaff) return;
    const { frames } = await say(frame, name, others.id);
    assert.ok(!JSON.stringify(frames).includes(world.victim.word), `${name} hears what is another's`);
  }

  /** Who is refused at the door is not heard, and hears nothing. */
  async function testRefused(frame: SessionFrameCase, name: CallerName): Promise<void> {
    const guests = await world.own('guest session', name);
    const messages = await world.messagesIn(guests.conversationId ?? 0);
    const socket = await open(name);
    socket.send(frame.send(String(guests.id)));
    const said: HelpdeskFrame[] = [];
    await socket
      .until((each) => {
        said.push(each);
        return false;
      })
      .catch(() => {});
    assert.equal((await socket.closed).code, entry?.closed[name], name);
    assert.deepEqual(
      said.map(({ type }) => type),
      ['error'],
      name,
    );
    assert.equal(
      await world.messagesIn(guests.conversationId ?? 0),
      messages,
      `the frame of ${name} was heard`,
    );
  }

  test('nothing that was shown or said is in the log, however it was shown', async () => {
    const { parley, callers, secrets } = world;
    const { id } = await world.own('guest session', 'user');
    const text = `${wordsOf('user')} on a socket`;
    for (const name of ['user', 'disabled', 'demoted', 'revoked', 'expired', 'forged'] as const) {
      const token = callers.helpdesk[name]['authorization']?.slice('Bearer '.length) ?? '';
      for (const socket of [
        await helpdeskSocket(parley, `token=${token}`),
        await helpdeskSocket(parley, `session_id=${id}&cursor=${token}`),
        await helpdeskSocket(parley, `session_id=sess_${token}`),
      ]) {
        socket.send(`{"type": "message", "content": "${token}`);
        socket.send({ type: token, id: token });
        socket.say('message', { session_id: token, content: text });
        socket.say('message', { session_id: id, content: [text] });
        socket.say('read', { session_id: id, up_to: text });
        socket.say('message', { session_id: id, content: text }, 'last');
        socket.say('auth', { token, session_id: id }, text);
        await socket.until((frame) => frame.id === text).catch(() => {});
        await socket.close();
      }
    }
    secrets.assertNoneIn(parley.log());
  });
});
