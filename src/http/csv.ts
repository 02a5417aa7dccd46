/** What begins a cell that a spreadsheet takes for a formula; the wide forms count in some languages. */
const formula = /^[=+\-@\t\r\n＝＋－＠]/u;

/** So that spreadsheets read it as UTF-8. */
export const byteOrderMark = '\uFEFF';

/** A line of CSV (RFC 4180). A text that a spreadsheet would run as a formula has an apostrophe before it. */
export function csvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`;
}

function cellOf(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = formula.test(value) ? `'${value}` : value;
  return /[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
