import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Allowance, Limit, Limits } from './limits.ts';

/** Counts in this process. */
export function createMemoryLimits(): Limits {
  const limiters = new Map<string, RateLimiterMemory>();

  const limiterOf = (limit: Limit): RateLimiterMemory => {
    const name = `${limit.name}:${limit.points}:${limit.burst}:${limit.windowMs}`;
    let limiter = limiters.get(name);
    if (limiter === undefined) {
      limiter = new RateLimiterMemory({
        keyPrefix: name,
        points: limit.points + limit.burst,
        duration: limit.windowMs / 1000,
      });
      limiters.set(name, limiter);
    }
    return limiter;
  };

  return {
    async take(limit, subject) {
      try {
        return allowanceOf(limit, await limiterOf(limit).consume(subject), true);
      } catch (refusal) {
        if (refusal instanceof RateLimiterRes) return allowanceOf(limit, refusal, false);
        throw refusal;
      }
    },
    async giveBack(limit, subject, taken) {
      const limiter = limiterOf(limit);
      const found = await limiter.get(subject);
      const isSameWindow = found !== null && found.msBeforeNext <= taken.resetMs;
      if (isSameWindow && found.consumedPoints > 0) await limiter.reward(subject);
    },
    async look(limit, subject) {
      const found = await limiterOf(limit).get(subject);
      if (found === null) return untouched(limit);
      return allowanceOf(limit, found, found.consumedPoints < limit.points + limit.burst);
    },
    async clear(limit, subject) {
      await limiterOf(limit).delete(subject);
    },
  };
}

function allowanceOf(limit: Limit, result: RateLimiterRes, allowed: boolean): Allowance {
  return {
    allowed,
    limit: limit.points,
    remaining: Math.max(0, limit.points - result.consumedPoints),
    resetMs: Math.max(0, result.msBeforeNext),
  };
}

/** Allows everything: load tests turn limits off. */
export function createNoLimits(): Limits {
  return {
    take: (limit) => Promise.resolve(untouched(limit)),
    giveBack: () => Promise.resolve(),
    look: (limit) => Promise.resolve(untouched(limit)),
    clear: () => Promise.resolve(),
  };
}

function untouched({ points, windowMs }: Limit): Allowance {
  return { allowed: true, limit: points, remaining: points, resetMs: windowMs };
}
