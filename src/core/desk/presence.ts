import type { StaffCaller } from '../identity/caller.ts';

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
