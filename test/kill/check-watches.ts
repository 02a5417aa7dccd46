import type { Seen } from './look.ts';
import type { WatchRecord } from './records.ts';

/** What is wrong with what a socket was told over all its lives, by what there is in the end. */
export function checkWatch({ name, known, told, once }: WatchRecord, seen: Seen): string[] {
  const findings: string[] = [];
  const keys = new Set<string>();
  told.forEach(({ key, cursor }, at) => {
    const before = told[at - 1]?.cursor ?? -1;
    if (cursor < before || (once && cursor === before)) findings.push(`${key} at ${cursor} after ${before}`);
    if (once && keys.has(key)) findings.push(`${key} was told twice`);
    keys.add(key);
  });
  const sessions = seen.sessions.filter(
    ({ messages }) => known.length === 0 || messages.some(({ id }) => known.includes(id)),
  );
  for (const { id, role } of sessions.flatMap(({ messages }) => messages)) {
    const key = `${role === 'user' ? 'asked' : 'answered'} ${id}`;
    if (known.includes(id)) continue;
    if (!keys.delete(key)) findings.push(`${key} was never told`);
  }
  return [...findings, ...[...keys].map((key) => `${key} is nothing that there is`)].map(
    (finding) => `${name}: ${finding}`,
  );
}
