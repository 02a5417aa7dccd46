import type { AgentRow, Agents as AgentRows } from '../../storage/agents.ts';
import type { Ownership } from '../../storage/ownership.ts';
import type { Waiting, WaitingLine } from '../../storage/waiting-line.ts';
import type { Log } from '../log.ts';
import type { Feed } from '../realtime/feed.ts';
import type { Runtime } from '../runtime.ts';
import type { DayOf } from '../statistics/calendar.ts';
import type { KeptSettings } from './kept-settings.ts';
import type { Presence } from './presence.ts';

/** Gives what waits for a person to those who are online and have room, in turn; see `DeskSettings.assignment`. */
export interface Assignment {
  /**
   * To be called whenever something begins to wait, somebody comes online or has room again, or the settings change; calls at
   * once do the work once. Never rejects.
   */
  look(): Promise<void>;
  /** Nothing is given any more: the process ends. */
  stop(): void;
}

export interface AssignmentParts {
  line: WaitingLine;
  agents: Pick<AgentRows, 'list' | 'noteAssigned'>;
  ownership: Pick<Ownership, 'change' | 'openCountsOf'>;
  presence: Pick<Presence, 'online'>;
  settings: Pick<KeptSettings, 'get'>;
  wake: Feed['wake'];
  dayOf: DayOf;
  runtime: Pick<Runtime, 'now'>;
  log: Log;
}

/**
 * Over the store's queue: of several nodes that look at once, one gives a conversation away, because that raises its fence, and to nobody who has
 * been given too many meanwhile, because the unit counts them.
 */
export function createAssignment(parts: AssignmentParts): Assignment {
  let looking: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  const lookUntilDone = async () => {
    do {
      again = false;
      try {
        await giveAll(parts, () => stopped);
      } catch (err) {
        if (!stopped) parts.log.error({ err }, 'what waits could not be given to agents; it is tried again');
      }
    } while (again && !stopped);
    looking = undefined;
  };

  return {
    look() {
      if (stopped) return Promise.resolve();
      again = true;
      looking ??= lookUntilDone();
      return looking;
    },
    stop: () => void (stopped = true),
  };
}

async function giveAll(parts: AssignmentParts, isStopped: () => boolean): Promise<void> {
  const refused = new Set<string>();
  while (parts.settings.get().assignment === 'round_robin' && !isStopped()) {
    const waiting = await parts.line.first();
    if (waiting === undefined) return;
    const online = await onlineAgents(parts);
    const next = await nextOf(parts, online);
    if (next === undefined) return;
    // Where another was quicker, it has left the queue, or its fence has risen, or the agent has no room any more.
    const gift = `${waiting.id} ${waiting.ownerFence} ${next.id}`;
    if (refused.has(gift)) return;
    const given = await give(parts, waiting, next, timeAfter(online, parts.runtime.now()));
    if (!given) refused.add(gift);
  }
}

async function onlineAgents({ agents, presence }: AssignmentParts): Promise<AgentRow[]> {
  const online = new Set(presence.online());
  return online.size === 0 ? [] : (await agents.list()).filter(({ id }) => online.has(id));
}

/** An agent with the capacity that holds for one. */
type Taker = AgentRow & { capacity: number };

/** Who has room, and was given something longest ago. */
async function nextOf(
  { ownership, settings }: AssignmentParts,
  online: readonly AgentRow[],
): Promise<Taker | undefined> {
  const open = await ownership.openCountsOf(online.map(({ id }) => id));
  const common = settings.get().capacity;
  const never = Number.NEGATIVE_INFINITY;
  return online
    .map((agent) => ({ ...agent, capacity: agent.capacity ?? common }))
    .filter(({ id, capacity }) => (open.get(id) ?? 0) < capacity)
    .sort(
      (one, other) => (one.lastAssignedAt ?? never) - (other.lastAssignedAt ?? never) || one.id - other.id,
    )[0];
}

/** Two gifts within a millisecond have an order too. */
function timeAfter(online: readonly AgentRow[], now: number): number {
  return online.reduce((latest, { lastAssignedAt }) => Math.max(latest, (lastAssignedAt ?? 0) + 1), now);
}

async function give(
  { ownership, agents, runtime, dayOf, wake }: AssignmentParts,
  { id, userId, ownerFence }: Waiting,
  agent: Taker,
  assignedAt: number,
): Promise<boolean> {
  const at = runtime.now();
  const given = await ownership.change({
    conversationId: id,
    fence: ownerFence,
    status: 'open',
    agentType: 'human',
    assigneeId: agent.id,
    formerAssigneeId: null,
    cause: 'assigned',
    actorId: null,
    reason: 'round_robin',
    at,
    day: dayOf(at),
    ends: [],
    capacity: agent.capacity,
  });
  if (!given) return false;
  wake(id, userId);
  await agents.noteAssigned(agent.id, assignedAt);
  return true;
}
