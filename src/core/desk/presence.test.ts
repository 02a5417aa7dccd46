import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { AgentRow } from '../../storage/agents.ts';
import type { StaffCaller } from '../identity/caller.ts';
import { createRecordedLog } from '../log.fixture.ts';
import { createBusLine } from '../realtime/bus.fixture.ts';
import { createMemoryBus } from '../realtime/bus.ts';
import { createRuntime } from '../runtime.ts';
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
    bus: createMemoryBus({ onError: () => assert.fail() }),
    nodeId: 'alone',
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

/** Two nodes over one store, which sleep by the clock that a test moves. */
function createNodes(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const line = createBusLine();
  const stored = new Map<number, AgentRow['availability']>();
  const open = (nodeId: string) => {
    const bus = line.join();
    const presence = createPresence({
      agents: {
        find: (id) => Promise.resolve({ id, availability: stored.get(id) ?? 'online' } as AgentRow),
        setAvailability: (id, availability) => Promise.resolve(void stored.set(id, availability)),
      },
      bus,
      nodeId,
      runtime: createRuntime(),
      log: createRecordedLog(),
      graceMs: 5_000,
    });
    const told: Availability[] = [];
    presence.watch((_id, availability) => void told.push(availability));
    presence.start();
    t.after(presence.close);
    return { presence, bus, told };
  };
  const [here, there] = [open('here'), open('there')];
  /** Lets time pass a second at a time, and what is said meanwhile arrive. */
  const pass = async (seconds: number) => {
    await line.arrived();
    for (let second = 0; second < seconds; second++) {
      t.mock.timers.tick(1_000);
      await line.arrived();
    }
  };
  return { line, stored, here, there, open, pass };
}

describe('presence over several nodes', () => {
  it('an agent is there as long as a socket is open on any of them, and a moment longer', async (t) => {
    const { here, there, pass } = createNodes(t);
    const leaveHere = here.presence.arrive(agent(1));
    await pass(0);
    assert.deepEqual([there.presence.of(1), there.presence.online()], ['online', [1]]);
    const leaveThere = there.presence.arrive(agent(1));
    leaveHere();
    await pass(30);
    assert.deepEqual([here.presence.of(1), here.presence.online()], ['online', [1]]);
    leaveThere();
    await pass(4);
    assert.deepEqual([here.told, there.told], [['online'], ['online']]);
    await pass(1);
    assert.deepEqual(
      [here.told, there.told],
      [
        ['online', 'offline'],
        ['online', 'offline'],
      ],
    );
  });

  it('one who goes from a node to another was never gone', async (t) => {
    const { here, there, pass } = createNodes(t);
    const leave = here.presence.arrive(agent(1));
    await pass(1);
    leave();
    await pass(4);
    there.presence.arrive(agent(1));
    await pass(20);
    assert.deepEqual([here.told, there.told], [['online'], ['online']]);
  });

  it('what an agent says is known everywhere, also where it was not heard', async (t) => {
    const { here, there, open, pass } = createNodes(t);
    const third = open('third');
    here.presence.arrive(agent(1));
    there.presence.arrive(agent(1));
    await pass(0);
    await here.presence.setAvailability(agent(1), 'away');
    await pass(0);
    const all = () => [here, there, third].map(({ presence }) => presence.of(1));
    assert.deepEqual(all(), ['away', 'away', 'away']);
    there.bus.cut();
    await here.presence.setAvailability(agent(1), 'online');
    await pass(0);
    assert.deepEqual(all(), ['online', 'away', 'online']);
    there.bus.rejoin();
    await pass(0);
    assert.deepEqual(all(), ['online', 'online', 'online']);
    assert.deepEqual(third.told, ['online', 'away', 'online']);
  });

  it('who is on a node that is heard no more is gone after six seconds', async (t) => {
    const { here, there, pass } = createNodes(t);
    here.presence.arrive(agent(1));
    await pass(2);
    here.bus.cut();
    await pass(5);
    assert.equal(there.presence.of(1), 'online');
    await pass(1);
    assert.deepEqual([there.presence.of(1), here.presence.of(1)], ['offline', 'online']);
    here.bus.rejoin();
    await pass(0);
    assert.equal(there.presence.of(1), 'online');
  });

  it('a node that ends leaves its agents the time to go elsewhere, and one that begins learns of all', async (t) => {
    const { here, there, open, pass } = createNodes(t);
    const leave = here.presence.arrive(agent(1));
    await pass(1);
    here.presence.close();
    leave();
    await pass(4);
    assert.equal(there.presence.of(1), 'online');
    there.presence.arrive(agent(1));
    const next = open('next');
    await pass(0);
    assert.equal(next.presence.of(1), 'online');
    await pass(20);
    assert.deepEqual(there.told, ['online']);
  });

  it('nothing is said where nobody is there', async (t) => {
    const { line, pass, here } = createNodes(t);
    await pass(1);
    const before = line.crossed.length;
    await pass(10);
    assert.equal(line.crossed.length, before);
    here.presence.arrive(agent(1));
    await pass(10);
    assert.equal(line.crossed.length, before + 6, 'at once, then every two seconds');
  });
});
