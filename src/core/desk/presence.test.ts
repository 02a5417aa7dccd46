import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AgentRow } from '../../storage/agents.ts';
import type { StaffCaller } from '../identity/caller.ts';
import { createRecordedLog } from '../log.fixture.ts';
import { createPresence, type Availability } from './presence.ts';

const agent = (userId: number): StaffCaller => ({
  kind: 'user',
  ip: '192.0.2.3',
  userId,
  loginId: 1,
  contract: 'helpdesk',
  role: 'agent',
});
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function createTested() {
  const stored = new Map<number, AgentRow['availability']>();
  const sleeps: { wake: () => void; signal: AbortSignal | undefined }[] = [];
  let broken = false;
  const presence = createPresence({
    agents: {
      find(id) {
        if (broken) return Promise.reject(new Error('no disk'));
        const availability = stored.get(id);
        return Promise.resolve(availability && ({ id, availability } as AgentRow));
      },
      setAvailability(id, availability) {
        stored.set(id, availability);
        return Promise.resolve();
      },
    },
    runtime: {
      sleep: (_ms, signal) =>
        new Promise((wake, refuse) => {
          sleeps.push({ wake, signal });
          signal?.addEventListener('abort', () => refuse(signal.reason as Error));
        }),
    },
    log: createRecordedLog(),
    graceMs: 5_000,
  });
  const told: [number, Availability][] = [];
  presence.watch((id, availability) => void told.push([id, availability]));
  return { presence, stored, sleeps, told, break: () => void (broken = true) };
}

describe('presence', () => {
  it('an agent is there while a socket is open, and a moment longer', async () => {
    const { presence, sleeps, told } = createTested();
    const first = presence.arrive(agent(1));
    const second = presence.arrive(agent(1));
    await turn();
    assert.deepEqual([presence.of(1), presence.of(2), presence.online()], ['online', 'offline', [1]]);
    first();
    first();
    assert.equal(sleeps.length, 0, 'the other is open');
    second();
    assert.equal(presence.of(1), 'online');
    const third = presence.arrive(agent(1));
    await turn();
    assert.equal(sleeps[0]?.signal?.aborted, true);
    assert.deepEqual(told, [[1, 'online']], 'one who reconnects was never gone');
    third();
    sleeps[1]?.wake();
    await turn();
    assert.deepEqual([presence.of(1), presence.online()], ['offline', []]);
    assert.deepEqual(told, [
      [1, 'online'],
      [1, 'offline'],
    ]);
  });

  it('what agents say of themselves lasts', async () => {
    const { presence, stored, sleeps, told } = createTested();
    await presence.setAvailability(agent(1), 'away');
    assert.deepEqual([presence.of(1), stored.get(1)], ['offline', 'away']);
    const leave = presence.arrive(agent(1));
    await turn();
    assert.deepEqual([presence.of(1), presence.online()], ['away', []]);
    await presence.setAvailability(agent(1), 'online');
    await presence.setAvailability(agent(1), 'online');
    leave();
    sleeps[0]?.wake();
    await turn();
    assert.deepEqual(
      told.map(([, availability]) => availability),
      ['away', 'online', 'offline'],
    );
  });

  it('counts one as online of whom nothing can be read, and tells the others whoever fails', async () => {
    const tested = createTested();
    tested.presence.watch(() => {
      throw new Error('no');
    });
    const late: number[] = [];
    const stop = tested.presence.watch((id) => void late.push(id));
    tested.break();
    tested.presence.arrive(agent(3));
    await turn();
    assert.equal(tested.presence.of(3), 'online');
    stop();
    tested.presence.arrive(agent(4));
    await turn();
    assert.deepEqual(late, [3]);
  });

  it('waits for nobody any more once it is closed', async () => {
    const { presence, sleeps, told } = createTested();
    const [gone, leaves] = [presence.arrive(agent(1)), presence.arrive(agent(2))];
    await turn();
    gone();
    presence.close();
    leaves();
    await turn();
    assert.equal(sleeps.length, 1);
    assert.deepEqual(
      told.filter(([, availability]) => availability === 'offline'),
      [],
    );
  });
});
