/** When a message that was not taken is sent again. */
export interface RetrySchedule {
  /** Attempts in all. */
  attempts: number;
  /** Before the second attempt, milliseconds. */
  baseMs: number;
  /** By how much each pause is longer than the one before it. */
  factor: number;
  maxMs: number;
}

/** 10 s, 50 s, 4 min, 21 min, 1¾ h, 8¾ h, 12 h: eight attempts in about a day. */
export const aDayOfRetries: RetrySchedule = {
  attempts: 8,
  baseMs: 10_000,
  factor: 5,
  maxMs: 12 * 60 * 60 * 1000,
};

/** The pause after the attempt number `attempt`, from 1, milliseconds, up to a fifth longer or shorter by `chance` (0 to 1); undefined after the last. */
export function pauseAfter(schedule: RetrySchedule, attempt: number, chance: number): number | undefined {
  const { attempts, baseMs, factor, maxMs } = schedule;
  if (attempt >= attempts) return undefined;
  return Math.min(maxMs, baseMs * factor ** (attempt - 1)) * (0.8 + 0.4 * chance);
}
