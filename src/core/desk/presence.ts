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

/** Presence within this process. */
export function createPresence({ agents, runtime, log, graceMs }: PresenceParts): Presence {
  const there = new Map<number, Attendance>();
  const listeners = new Set<Parameters<Presence['watch']>[0]>();

  const of = (agentId: number): Availability => there.get(agentId)?.said ?? 'offline';
  const announce = (agentId: number, before: Availability) => {
    const now = of(agentId);
    if (now === before) return;
    for (const listener of listeners) {
      try {
        listener(agentId, now);
      } catch (err) {
        log.error({ err }, 'somebody who watches agents could not be told');
      }
    }
  };
  const say = (agentId: number, attendance: Attendance, said: 'online' | 'away') => {
    const before = of(agentId);
    attendance.said = said;
    if (there.get(agentId) === attendance) announce(agentId, before);
  };
  const read = async (agentId: number, attendance: Attendance) => {
    let stored: 'online' | 'away' | undefined;
    try {
      stored = (await agents.find(agentId))?.availability;
    } catch (err) {
      log.error({ err, agentId }, 'it could not be read what an agent had said; the agent counts as online');
    }
    // What was said meanwhile is newer.
    if (attendance.said === undefined) say(agentId, attendance, stored ?? 'online');
  };
  const leave = async (agentId: number, attendance: Attendance) => {
    if (--attendance.sockets > 0) return;
    const leaving = new AbortController();
    attendance.leaving = leaving;
    await runtime.sleep(graceMs, leaving.signal).catch(() => {});
    if (leaving.signal.aborted || there.get(agentId) !== attendance) return;
    const before = of(agentId);
    there.delete(agentId);
    announce(agentId, before);
  };

  return {
    of,
    online: () => [...there].flatMap(([agentId, { said }]) => (said === 'online' ? agentId : [])),
    arrive({ userId }) {
      const attendance = there.get(userId) ?? { sockets: 0, said: undefined, leaving: undefined };
      attendance.sockets++;
      attendance.leaving?.abort();
      attendance.leaving = undefined;
      if (!there.has(userId)) {
        there.set(userId, attendance);
        void read(userId, attendance);
      }
      let left = false;
      return () => {
        if (left) return;
        left = true;
        void leave(userId, attendance);
      };
    },
    async setAvailability({ userId }, availability) {
      await agents.setAvailability(userId, availability);
      const attendance = there.get(userId);
      if (attendance !== undefined) say(userId, attendance, availability);
    },
    watch(listener) {
      const own: typeof listener = (agentId, availability) => listener(agentId, availability);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}
