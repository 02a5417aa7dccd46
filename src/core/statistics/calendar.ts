/** Names the day, `YYYY-MM-DD`, that a moment belongs to in one time zone. */
export type DayOf = (at: number) => string;

/**
 * Days of `timeZone` (an IANA name). Formatting is slow and days are long, so the current quarter of an hour, which no
 * zone's midnight divides, is remembered.
 */
export function createDayOf(timeZone: string): DayOf {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  const quarterMs = 900_000;
  let quarter = Number.NaN;
  let day = '';
  return (at) => {
    const current = Math.floor(at / quarterMs);
    if (current !== quarter) {
      day = format.format(at);
      quarter = current;
    }
    return day;
  };
}

const hourMs = 3_600_000;

/** The month, `YYYY-MM`, that a day belongs to. */
export function monthOf(day: string): string {
  return day.slice(0, 7);
}

/** When the month after `month` begins where days are named by `dayOf`: milliseconds since the epoch. */
export function endOfMonth(month: string, dayOf: DayOf): number {
  const midnight = new Date(`${month}-01T00:00:00Z`);
  midnight.setUTCMonth(midnight.getUTCMonth() + 1);
  // No zone is further from UTC than 14 hours, and each is apart from it by quarters of an hour.
  let before = midnight.getTime() - 15 * hourMs;
  let after = midnight.getTime() + 15 * hourMs;
  while (after - before > hourMs / 4) {
    const between = before + Math.floor((after - before) / (hourMs / 2)) * (hourMs / 4);
    if (monthOf(dayOf(between)) > month) after = between;
    else before = between;
  }
  return after;
}
