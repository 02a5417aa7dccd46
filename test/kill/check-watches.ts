import type { Seen } from './look.ts';
import type { Records, WatchRecord } from './records.ts';

/** What is wrong with what a socket was told over all its lives, by what there is in the end. */
export function checkWatch(
  { askings }: Pick<Records, 'askings'>,
  { name, user, known, told, once }: WatchRecord,
  seen: Seen,
): string[] {
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
  const removed = askings
    .filter((asking) => asking.user === user)
    .flatMap(({ questionId, answerId, removed: { question, answer } }) => [
      ...(question.acknowledged === true ? [questionId] : []),
      ...(answer.acknowledged === true ? [answerId] : []),
    ]);
  for (const id of removed) {
    if (!keys.delete(`removed ${id}`)) findings.push(`removed ${id} was never told`);
    // Whoever was away when it came and went hears of neither.
    for (const what of ['asked', 'answered']) keys.delete(`${what} ${id}`);
  }
  return [...findings, ...[...keys].map((key) => `${key} is nothing that there is`)].map(
    (finding) => `${name}: ${finding}`,
  );
}
