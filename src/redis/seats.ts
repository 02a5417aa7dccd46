import type { Seat, Seats } from '../core/limits/seats.ts';
import type { Runtime } from '../core/runtime.ts';
import type { Redis, Script } from './connection.ts';

export interface RedisSeatsParts {
  redis: Redis;
  /** No two nodes have the same. */
  nodeId: string;
  /** Counts this node's seats, and decides by them while Redis is away. */
  fallback: Seats;
  runtime: Pick<Runtime, 'elapsed' | 'token'>;
  /** How often this node says which seats it holds; 10 s where it is not said. */
  refreshMs?: number;
  /** When a seat that nobody speaks of any more is free again; 30 s where it is not said. */
  lapseMs?: number;
}

/**
 * A subject's seats are members of a sorted set, by when they lapse; by the clock of Redis, which is one for all nodes. Numbers: `most`, milliseconds
 * until a seat lapses.
 */
const takeLua = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`;
/** The first argument says when they lapse, each further one is a member of the key at its place. */
const holdLua = `
local time = redis.call('TIME')
local lapses = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for at, key in ipairs(KEYS) do
  redis.call('ZADD', key, lapses, ARGV[at + 1])
  redis.call('PEXPIRE', key, ARGV[1])
end
`;
const leaveLua = `for at, key in ipairs(KEYS) do redis.call('ZREM', key, ARGV[at]) end`;

/** Seats that one script is called for: a few milliseconds of Redis' time. */
const together = 500;

/** A seat as Redis knows it: a member of the set at `key`. */
interface Place {
  key: string;
  member: string;
}

interface State extends RedisSeatsParts {
  refreshMs: number;
  lapseMs: number;
  takeScript: Script;
  holdScript: Script;
  leaveScript: Script;
  /** What this node holds. */
  held: Set<Place>;
  /** Of those, what Redis may not know. */
  untold: Set<Place>;
  /** What Redis may still take for held, and since when it is free. */
  left: Map<Place, number>;
  /** Whether Redis knows all that is held here, and can decide; the fallback does until then. */
  decides: boolean;
  /** How often Redis was away. */
  absences: number;
  /** Whether some of `left` wait for the end of this tick of the event loop. */
  isLeaving: boolean;
}

/** Seats over all nodes that share a Redis. Those that are held while it is away, or came then, are put there when it is back; none is closed for it. */
export function createRedisSeats(parts: RedisSeatsParts): Seats {
  const { redis, fallback, runtime } = parts;
  const state = createState(parts);
  const names = `${parts.nodeId}:${runtime.token(6)}`;
  let count = 0;
  const stop = redis.onChange((now) => (now === 'up' ? goOn(state) : pause(state)));
  const timer = setInterval(() => void refresh(state), state.refreshMs);
  timer.unref();

  return {
    async take(door, subject, most) {
      const own = await fallback.take(door, subject, most);
      if (own === null) return null;
      // What this node has given back is free before it asks.
      if (state.isLeaving) void tellLeft(state);
      const key = `${redis.prefix}seats:${door.length}:${door}:${subject}`;
      const place = { key, member: `${names}:${++count}` };
      const granted = await ask(state, place, most);
      if (granted !== false) return sit(state, place, own, granted === true);
      own.release();
      return null;
    },
    async close() {
      clearInterval(timer);
      stop();
      for (const place of state.held) leave(state, place);
      await tellLeft(state);
      await fallback.close();
    },
  };
}

function createState(parts: RedisSeatsParts): State {
  const { redis } = parts;
  return {
    refreshMs: 10_000,
    lapseMs: 30_000,
    ...parts,
    takeScript: redis.script(takeLua),
    holdScript: redis.script(holdLua),
    leaveScript: redis.script(leaveLua),
    held: new Set(),
    untold: new Set(),
    left: new Map(),
    decides: redis.state() === 'up',
    absences: 0,
    isLeaving: false,
  };
}

/** Whether Redis grants the seat; undefined where it cannot say. */
async function ask(state: State, { key, member }: Place, most: number): Promise<boolean | undefined> {
  if (!state.decides) return undefined;
  try {
    const counted = Math.min(most, Number.MAX_SAFE_INTEGER);
    return (await state.takeScript([key], [member, counted, state.lapseMs])) === 1;
  } catch {
    return undefined;
  }
}

function sit(state: State, place: Place, own: Seat, isKnown: boolean): Seat {
  state.held.add(place);
  if (!isKnown) state.untold.add(place);
  return {
    release() {
      own.release();
      if (state.held.has(place)) leave(state, place);
    },
  };
}

function leave(state: State, place: Place): void {
  state.held.delete(place);
  state.untold.delete(place);
  state.left.set(place, state.runtime.elapsed());
  if (state.isLeaving) return;
  // Many leave at once where a node's clients are sent away.
  state.isLeaving = true;
  setImmediate(() => state.isLeaving && void tellLeft(state));
}

function pause(state: State): void {
  state.decides = false;
  state.absences++;
}

function goOn(state: State): void {
  state.untold = new Set(state.held);
  state.decides = state.untold.size === 0;
  void tellLeft(state);
  void tellUntold(state);
}

/** Says again what is held, before it lapses. */
async function refresh(state: State): Promise<void> {
  const lapsed = state.runtime.elapsed() - state.lapseMs;
  for (const [place, since] of state.left) if (since < lapsed) state.left.delete(place);
  await tellLeft(state);
  for (const places of inGroups([...state.held])) {
    const stillHeld = places.filter((place) => state.held.has(place));
    if (!(await hold(state, stillHeld))) return;
  }
  await tellUntold(state);
}

async function tellUntold(state: State): Promise<void> {
  const { absences } = state;
  // Seats that are taken meanwhile come to it at its end.
  while (state.untold.size > 0) {
    const places = [...state.untold.values().take(together)];
    if (!(await hold(state, places))) return;
    for (const place of places) state.untold.delete(place);
  }
  if (absences === state.absences && state.redis.state() === 'up') state.decides = true;
}

async function tellLeft(state: State): Promise<void> {
  state.isLeaving = false;
  while (state.left.size > 0) {
    const some = [...state.left.entries().take(together)];
    for (const [place] of some) state.left.delete(place);
    const places = some.map(([place]) => place);
    if (await tell(state.leaveScript, places, [])) continue;
    for (const [place, since] of some) state.left.set(place, since);
    return;
  }
}

function hold(state: State, places: readonly Place[]): Promise<boolean> {
  return tell(state.holdScript, places, [state.lapseMs]);
}

/** Whether Redis was told. */
async function tell(script: Script, places: readonly Place[], first: number[]): Promise<boolean> {
  if (places.length === 0) return true;
  const keys = places.map(({ key }) => key);
  const members = places.map(({ member }) => member);
  return script(keys, [...first, ...members]).then(
    () => true,
    () => false,
  );
}

function inGroups(places: readonly Place[]): Place[][] {
  const groups = Math.ceil(places.length / together);
  return Array.from({ length: groups }, (_, at) => places.slice(at * together, (at + 1) * together));
}
