import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { beginSession, joinHelpdesk, sendMessage } from '../../../test/support/helpdesk.ts';
import {
  gist,
  helpdeskSocket,
  settled,
  type HelpdeskFrame,
  type HelpdeskSocket,
} from '../../../test/support/helpdesk-socket.ts';
import { startParley, type Parley } from '../../../test/support/parley.ts';
import { startScriptedVendor, type ScriptedVendor } from '../../../test/support/vendor.ts';
import { cursorFrom, cursorText } from './socket-cursor.ts';

describe('a cursor of the helpdesk', () => {
  test('is read as it is written', () => {
    for (const cursor of [
      { after: 18, turn: undefined, seen: undefined },
      { after: 18, turn: { id: 41, offset: 120 }, seen: undefined },
      { after: 18, turn: undefined, seen: 1 },
    ]) {
      assert.deepEqual(cursorFrom(cursorText(cursor)), cursor);
    }
    assert.equal(cursorFrom(''), undefined);
    for (const bad of ['x', '1:2', '1.', '-1', '1:2:3:4', '1.2:3:4']) {
      assert.equal(cursorFrom(bad)?.after, Number.MAX_SAFE_INTEGER, bad);
    }
  });
});

describe('helpdesk: a guest who comes back', () => {
  let parley: Parley;
  let vendor: ScriptedVendor;
  before(async () => {
    vendor = await startScriptedVendor();
    parley = await startParley({
      openAi: vendor.url,
      env: { PARLEY_FALLBACK: 'off' },
      yaml: { limits: { helpdesk: { sockets_per_address: 100 } } },
    });
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });

  const isAnswer = ({ type, data }: HelpdeskFrame) => type === 'message' && data.sender_type === 'ai';
  const open = async (session_id: string, cursor = '') => {
    const socket = await helpdeskSocket(parley, `session_id=${session_id}&cursor=${cursor}`);
    return { socket, hello: await socket.next() };
  };
  const exchange = async (session_id: string, question: string, ...pieces: string[]) => {
    const sent = sendMessage(parley, session_id, question);
    const call = await vendor.next();
    for (const piece of pieces) await call.delta(piece);
    call.finish();
    await sent;
  };

  test('is told what was missed and nothing else', async () => {
    const { session_id } = await beginSession(parley);
    const { socket, hello } = await open(session_id);
    await socket.close();
    await exchange(session_id, 'Missed?', 'Missed.');
    const { headers } = await joinHelpdesk(parley, 'wang', 'agent');
    await sendMessage(parley, session_id, 'Hello.', headers);
    const back = await open(session_id, hello.cursor);
    const missed = await settled(back.socket);
    const expected = ['user: Missed?', 'ai: Missed.', 'status active human wang', 'human: Hello.'];
    const shown = (frames: HelpdeskFrame[]) => frames.filter(({ type }) => type !== 'receipt').map(gist);
    assert.deepEqual(shown(missed), expected);
    await back.socket.close();
    for (const [at, { cursor }] of missed.filter(({ type }) => type !== 'receipt').entries()) {
      const again = await open(session_id, cursor);
      assert.deepEqual(shown(await settled(again.socket)), expected.slice(at + 1));
      await again.socket.close();
    }
  });

  test('with a cursor that is not known gets one reset, then what is on its way', async () => {
    const { session_id } = await beginSession(parley);
    for (const cursor of ['999999999', 'nonsense', '1:2']) {
      const { socket } = await open(session_id, cursor);
      const [reset, ...others] = await settled(socket);
      assert.equal(reset?.type, 'reset', cursor);
      assert.match(reset.cursor ?? '', /^\d+$/u);
      assert.deepEqual(others, []);
      await socket.close();
    }
  });

  const scripts = fc.record({
    pieces: fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }), {
      minLength: 1,
      maxLength: 6,
    }),
    cuts: fc.array(fc.nat(4), { maxLength: 5 }),
  });

  test('wherever the connection is cut, every message comes once, and every character', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, async ({ pieces, cuts }) => {
        const { session_id } = await beginSession(parley);
        const { socket, hello } = await open(session_id);
        await socket.close();
        const seen = watch(session_id, hello.cursor ?? '', cuts);
        await exchange(session_id, 'Cut?', ...pieces);
        const frames = await seen;
        const whole = pieces.join('').toWellFormed();
        const streamed = frames.filter(({ type }) => type === 'ai_stream');
        assert.deepEqual(frames.filter(({ type }) => type === 'message').map(gist), [
          'user: Cut?',
          `ai: ${whole}`,
        ]);
        if (streamed.length > 0) {
          assert.equal(streamed.map(({ data }) => data.content).join(''), whole);
          assert.equal(streamed.filter(({ data }) => data.is_complete).length, 1);
          for (const { data } of streamed) assert.ok(whole.startsWith(data.full_content ?? '-'));
        }
      }),
      { numRuns: 12 },
    );
  });

  /** Everything that a client sees that is cut off after so many frames each time, until the answer. */
  async function watch(session_id: string, from: string, cuts: number[]): Promise<HelpdeskFrame[]> {
    const seen: HelpdeskFrame[] = [];
    let cursor = from;
    for (const last of [...cuts, Number.POSITIVE_INFINITY]) {
      const { socket }: { socket: HelpdeskSocket } = await open(session_id, cursor);
      for (let frame = 0; frame <= last && !seen.some(isAnswer); frame++) {
        const next = await socket.next();
        seen.push(next);
        cursor = next.cursor ?? cursor;
      }
      await socket.close();
    }
    return seen;
  }
});
