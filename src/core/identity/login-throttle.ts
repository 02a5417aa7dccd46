import { ParleyError } from '../errors.ts';
import type { Limit, Limits } from '../limits/limits.ts';
import { createWaitingLine, type WaitingLine } from './waiting-line.ts';

/** Stops the guessing of one account's password, whatever contracts and addresses it is tried through. */
export interface LoginThrottle {
  /**
   * Runs `attempt`, which resolves to false for a failed login, and resolves to the same. Attempts for one `subject` take
   * turns on a node, and each counts as failed until it is known, so that many at once, on however many nodes, count like many in a row. Throws `rate_limited` after too many failures, `overloaded`
   * where too many wait.
   */
  guard(subject: string, attempt: () => Promise<boolean>): Promise<boolean>;
}

const failures: Limit = { name: 'failed-logins', points: 10, burst: 0, windowMs: 15 * 60_000 };
const attemptsWaiting = 100;

export function createLoginThrottle({ limits }: { limits: Limits }): LoginThrottle {
  const waiting = new Map<string, WaitingLine>();

  return {
    async guard(subject, attempt) {
      const line = waiting.get(subject) ?? createWaitingLine({ atOnce: 1, waiting: attemptsWaiting });
      waiting.set(subject, line);
      try {
        return await line.take(() => judge(limits, subject, attempt));
      } finally {
        if (line.isIdle()) waiting.delete(subject);
      }
    },
  };
}

async function judge(limits: Limits, subject: string, attempt: () => Promise<boolean>): Promise<boolean> {
  const taken = await limits.take(failures, subject);
  if (!taken.allowed) throw tooManyFailures(taken.resetMs);
  let succeeded: boolean;
  try {
    succeeded = await attempt();
  } catch (thrown) {
    // One that broke says nothing of the password.
    await limits.giveBack(failures, subject, taken);
    throw thrown;
  }
  if (succeeded) await limits.clear(failures, subject);
  return succeeded;
}

function tooManyFailures(resetMs: number): ParleyError {
  const minutes = Math.max(1, Math.ceil(resetMs / 60_000));
  return new ParleyError(
    'rate_limited',
    `Too many failed logins for this account. Try again in ${minutes} min.`,
    { retryable: true, retryAfterMs: resetMs },
  );
}
