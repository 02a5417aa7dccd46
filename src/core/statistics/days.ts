import { invalidField } from '../errors.ts';

/** The moment at which a day begins in UTC. Throws `invalid_request` for what is no day, such as the 30th of February. */
export function startOfDay(day: string, field: string): number {
  const start = /^\d{4}-\d{2}-\d{2}$/u.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  // The 30th of February is taken for the 2nd of March.
  if (Number.isNaN(start) || dayAt(start) !== day) {
    throw invalidField(field, { kind: 'day' });
  }
  return start;
}

/** The day, `YYYY-MM-DD`, that it is in UTC. */
export function dayAt(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Throws `invalid_request` for what is no day, and for a first day after the last. */
export function checkDays({ fromDay, toDay }: { fromDay?: string | undefined; toDay?: string | undefined }) {
  const from = fromDay === undefined ? undefined : startOfDay(fromDay, 'start_date');
  const to = toDay === undefined ? undefined : startOfDay(toDay, 'end_date');
  if (from !== undefined && to !== undefined && from > to) {
    throw invalidField('start_date', { kind: 'after_end', end: toDay ?? '' });
  }
}
