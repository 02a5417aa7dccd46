/** A time, milliseconds since the epoch, as tables show it: to the minute, in UTC; `-` for none. */
export function shownTime(at: number | null): string {
  return at === null ? '-' : `${new Date(at).toISOString().slice(0, 16)}Z`;
}
