import type { Agents } from '../../storage/agents.ts';
import type { StaffCaller } from '../identity/caller.ts';
import type { Log } from '../log.ts';
import type { Bus } from '../realtime/bus.ts';
import type { Runtime } from '../runtime.ts';
import { createPresenceElsewhere, type PresenceElsewhere, type Said } from './presence-elsewhere.ts';

/** Whether an agent takes conversations: there, there but busy, gone. */
export type Availability = 'online' | 'away' | 'offline';

/** Which agents are there, on any node. Somebody without an open socket is `offline`. */
export interface Presence {
  /** An agent's socket has opened on this node; to be told of its close by calling the returned function, once or more. */
  arrive(caller: StaffCaller): () => void;
  /** What the agent says; lasts across sockets and restarts. */
  setAvailability(caller: StaffCaller, availability: Said): Promise<void>;
  of(agentId: number): Availability;
  /** Those who are `online`. */
  online(): readonly number[];
  /** Calls `listener` with an agent whose availability has changed, until the returned function is called. */
  watch(listener: (agentId: number, availability: Availability) => void): () => void;
}

/** Presence, and its beginning and end with the process. */
export interface RunningPresence extends Presence {
  /** From now on the nodes know of each other's agents. */
  start(): void;
  /** Nobody who has left is waited for any more, or announced. The other nodes believe that who was here is, for the time that it takes to go there. */
  close(): void;
}

export interface PresenceParts {
  agents: Pick<Agents, 'find' | 'setAvailability'>;
  bus: Bus;
  /** Of this node. */
  nodeId: string;
  runtime: Pick<Runtime, 'sleep'>;
  log: Log;
  /** How long an agent whose last socket was closed is still there: one who reconnects was never gone. */
  graceMs: number;
}

/** An agent with sockets on this node. */
interface Attendance {
  sockets: number;
  /** What is known to be stored; undefined while it is being read. */
  said: Said | undefined;
  /** How often it was said here: what was read before is older. */
  sayings: number;
  /** Ends the waiting for an agent without a socket. */
  leaving: AbortController | undefined;
}

/** What is known of all agents. */
interface State extends PresenceParts {
  there: Map<number, Attendance>;
  elsewhere: PresenceElsewhere;
  listeners: Set<Parameters<Presence['watch']>[0]>;
  closed: boolean;
}

export function createPresence(parts: PresenceParts): RunningPresence {
  const there = new Map<number, Attendance>();
  const elsewhere = createPresenceElsewhere({
    ...parts,
    here: () => [...there].flatMap(([id, { said }]) => (said === undefined ? [] : [[id, said]])),
    async refresh() {
      await Promise.all([...there].map(([agentId, attendance]) => read(state, agentId, attendance)));
    },
    onChange: (agentIds, apply) => change(state, agentIds, apply),
    onHeard: (agents) => compare(state, agents),
  });
  const state: State = { ...parts, there, elsewhere, listeners: new Set(), closed: false };
  const { listeners } = state;
  return {
    of: (agentId) => availabilityOf(state, agentId),
    online() {
      const all = new Set([...there.keys(), ...elsewhere.agents()]);
      return [...all].filter((agentId) => availabilityOf(state, agentId) === 'online');
    },
    arrive({ userId }) {
      const attendance = arrive(state, userId);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        void leave(state, userId, attendance);
      };
    },
    async setAvailability({ userId }, availability) {
      await parts.agents.setAvailability(userId, availability);
      const attendance = there.get(userId);
      if (attendance !== undefined) say(state, userId, attendance, availability);
    },
    watch(listener) {
      const own: typeof listener = (agentId, availability) => listener(agentId, availability);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    start: elsewhere.start,
    close() {
      state.closed = true;
      elsewhere.stop();
      for (const { leaving } of there.values()) leaving?.abort();
    },
  };
}

/** This node knows best of those who are here. */
function availabilityOf({ there, elsewhere }: State, agentId: number): Availability {
  return there.get(agentId)?.said ?? elsewhere.of(agentId) ?? 'offline';
}

/** Makes the change, and tells of those whose availability is another after it. */
function change(state: State, agentIds: readonly number[], apply: () => void): void {
  const before = agentIds.map((agentId) => availabilityOf(state, agentId));
  apply();
  for (const [at, agentId] of agentIds.entries()) {
    const now = availabilityOf(state, agentId);
    if (now !== before[at]) announce(state, agentId, now);
  }
}

function announce({ listeners, log }: State, agentId: number, now: Availability): void {
  for (const listener of listeners) {
    try {
      listener(agentId, now);
    } catch (err) {
      log.error({ err }, 'somebody who watches agents could not be told');
    }
  }
}

function say(state: State, agentId: number, attendance: Attendance, said: Said): void {
  attendance.sayings++;
  if (attendance.said === said) return;
  change(state, [agentId], () => (attendance.said = said));
  state.elsewhere.tell();
}

function arrive(state: State, agentId: number): Attendance {
  const known = state.there.get(agentId);
  const attendance = known ?? { sockets: 0, said: undefined, sayings: 0, leaving: undefined };
  attendance.sockets++;
  attendance.leaving?.abort();
  attendance.leaving = undefined;
  if (known === undefined) {
    state.there.set(agentId, attendance);
    void read(state, agentId, attendance);
  }
  return attendance;
}

/** What the agent said last, unless it is said anew meanwhile. */
async function read(state: State, agentId: number, attendance: Attendance): Promise<void> {
  const before = attendance.sayings;
  let stored: Said;
  try {
    stored = (await state.agents.find(agentId))?.availability ?? 'online';
  } catch (err) {
    if (attendance.said !== undefined) return;
    state.log.error({ err, agentId }, 'what an agent had said could not be read; the agent counts as online');
    stored = 'online';
  }
  if (attendance.sayings === before) say(state, agentId, attendance, stored);
}

/** Where another node believes something else of an agent who is here too, it was said there, or it has not heard yet: the store knows. */
function compare(state: State, agents: ReadonlyMap<number, Said>): void {
  for (const [agentId, said] of agents) {
    const attendance = state.there.get(agentId);
    if (attendance?.said !== undefined && attendance.said !== said) void read(state, agentId, attendance);
  }
}

async function leave(state: State, agentId: number, attendance: Attendance): Promise<void> {
  if (--attendance.sockets > 0 || state.closed) return;
  const leaving = new AbortController();
  attendance.leaving = leaving;
  await state.runtime.sleep(state.graceMs, leaving.signal).catch(() => {});
  if (leaving.signal.aborted) return;
  change(state, [agentId], () => state.there.delete(agentId));
  state.elsewhere.tell();
}
