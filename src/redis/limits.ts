import type { Allowance, Limit, Limits } from '../core/limits/limits.ts';
import type { Redis, Script } from './connection.ts';

/** Counts as a window's first taker begins it; what is refused is counted too, and puts nothing off. */
const takeLua = `
local taken = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
return { taken, left }
`;
/** What is left of a window only shrinks: where there is more, it is another one. */
const giveBackLua = `
local left = redis.call('PTTL', KEYS[1])
if left > tonumber(ARGV[1]) then return end
if tonumber(redis.call('GET', KEYS[1]) or 0) > 0 then redis.call('DECR', KEYS[1]) end
`;
const lookLua = `return { tonumber(redis.call('GET', KEYS[1]) or 0), redis.call('PTTL', KEYS[1]) }`;

/** Counts over all nodes that share a Redis; while it is away or slow, `fallback` counts instead. */
export function createRedisLimits({ redis, fallback }: { redis: Redis; fallback: Limits }): Limits {
  const scripts = {
    take: redis.script(takeLua),
    giveBack: redis.script(giveBackLua),
    look: redis.script(lookLua),
  };

  const ask = async (script: Script, limit: Limit, subject: string) => {
    const answer = await script([keyOf(redis.prefix, limit, subject)], [limit.windowMs]);
    return answer as [taken: number, leftMs: number];
  };

  return {
    async take(limit, subject) {
      try {
        const [taken, leftMs] = await ask(scripts.take, limit, subject);
        return allowanceOf(limit, taken, leftMs, taken <= limit.points + limit.burst);
      } catch {
        return fallback.take(limit, subject);
      }
    },
    async giveBack(limit, subject, taken) {
      await fallback.giveBack(limit, subject, taken);
      // What cannot be given back ends with its window.
      await scripts.giveBack([keyOf(redis.prefix, limit, subject)], [taken.resetMs]).catch(() => {});
    },
    async look(limit, subject) {
      try {
        const [taken, leftMs] = await ask(scripts.look, limit, subject);
        return allowanceOf(limit, taken, leftMs, taken < limit.points + limit.burst);
      } catch {
        return fallback.look(limit, subject);
      }
    },
    async clear(limit, subject) {
      await fallback.clear(limit, subject);
      // What cannot be cleared ends with its window.
      await redis.run((client) => client.del(keyOf(redis.prefix, limit, subject))).catch(() => {});
    },
  };
}

/** Limits that differ in anything share no count; the name's length keeps it apart from the subject. */
function keyOf(prefix: string, { name, points, burst, windowMs }: Limit, subject: string): string {
  return `${prefix}limit:${points}:${burst}:${windowMs}:${name.length}:${name}:${subject}`;
}

function allowanceOf(
  { points, windowMs }: Limit,
  taken: number,
  leftMs: number,
  allowed: boolean,
): Allowance {
  // Where nothing is left of the window, or it has not begun, a whole one is ahead.
  const resetMs = leftMs < 0 ? windowMs : leftMs;
  return { allowed, limit: points, remaining: Math.max(0, points - taken), resetMs };
}
