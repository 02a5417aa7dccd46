import type { Agents } from '../../storage/agents.ts';
import type { StaffCaller } from '../identity/caller.ts';
import type { Log } from '../log.ts';
import type { Runtime } from '../runtime.ts';

/** Whether an agent takes conversations: there, there but busy, gone. */
export type Availability = 'online' | 'away' | 'offline';

/** Which agents are there. Somebody without an open socket is `offline`. */
export interface Presence {
  /** An agent's socket has opened; to be told of its close by calling the returned function, once or more. */
  arrive(caller: StaffCaller): () => void;
  /** What the agent says; lasts across sockets and restarts. */
  setAvailability(caller: StaffCaller, availability: 'online' | 'away'): Promise<void>;
  of(agentId: number): Availability;
  /** Those who are `online`. */
  online(): readonly number[];
  /** Calls `listener` with an agent whose availability has changed, until the returned function is called. */
  watch(listener: (agentId: number, availability: Availability) => void): () => void;
}

/** Presence, and its end with the process. */
export interface RunningPresence extends Presence {
  /** Nobody who has left is waited for any more, or announced. */
  close(): void;
}

export interface PresenceParts {
  agents: Pick<Agents, 'find' | 'setAvailability'>;
  runtime: Pick<Runtime, 'sleep'>;
  log: Log;
  /** How long an agent whose last socket was closed is still there: one who reconnects was never gone. */
  graceMs: number;
}

interface Attendance {
  sockets: number;
  /** What is known to be stored; undefined while it is being read. */
  said: 'online' | 'away' | undefined;
  /** Ends the waiting for an agent without a socket. */
  leaving: AbortController | undefined;
}

/** What is known of all agents. */
interface State extends PresenceParts {
  there: Map<number, Attendance>;
  listeners: Set<Parameters<Presence['watch']>[0]>;
  closed: boolean;
}

/** Presence within this process. */
export function createPresence(parts: PresenceParts): RunningPresence {
  const state: State = { ...parts, there: new Map(), listeners: new Set(), closed: false };
  const { there, listeners } = state;
  return {
    of: (agentId) => availabilityOf(state, agentId),
    online: () => [...there].flatMap(([agentId, { said }]) => (said === 'online' ? agentId : [])),
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
    close() {
      state.closed = true;
      for (const { leaving } of there.values()) leaving?.abort();
    },
  };
}

function availabilityOf({ there }: State, agentId: number): Availability {
  return there.get(agentId)?.said ?? 'offline';
}

function announce(state: State, agentId: number, before: Availability): void {
  const now = availabilityOf(state, agentId);
  if (now === before) return;
  for (const listener of state.listeners) {
    try {
      listener(agentId, now);
    } catch (err) {
      state.log.error({ err }, 'somebody who watches agents could not be told');
    }
  }
}

function say(state: State, agentId: number, attendance: Attendance, said: 'online' | 'away'): void {
  const before = availabilityOf(state, agentId);
  attendance.said = said;
  announce(state, agentId, before);
}

function arrive(state: State, agentId: number): Attendance {
  const known = state.there.get(agentId);
  const attendance = known ?? { sockets: 0, said: undefined, leaving: undefined };
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
  let stored: 'online' | 'away' | undefined;
  try {
    stored = (await state.agents.find(agentId))?.availability;
  } catch (err) {
    state.log.error({ err, agentId }, 'what an agent had said could not be read; the agent counts as online');
  }
  if (attendance.said === undefined) say(state, agentId, attendance, stored ?? 'online');
}

async function leave(state: State, agentId: number, attendance: Attendance): Promise<void> {
  if (--attendance.sockets > 0 || state.closed) return;
  const leaving = new AbortController();
  attendance.leaving = leaving;
  await state.runtime.sleep(state.graceMs, leaving.signal).catch(() => {});
  if (leaving.signal.aborted) return;
  const before = availabilityOf(state, agentId);
  state.there.delete(agentId);
  announce(state, agentId, before);
}
