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
