import type { HelpdeskFrame } from '../support/helpdesk-socket.ts';
import type { Account } from './client.ts';

/** What somebody was told of a session, line by line, in the order in which it was told. */
export interface Transcript {
  name: string;
  lines: string[];
  /** What was told that must never be told. */
  findings: string[];
}

/** What frames, histories and rows say of a message. */
export interface Said {
  id: string;
  sender: string;
  name: string | null;
  status: string;
  content: string;
}

/** That a customer's message could not be answered, it tells only later. */
export function messageLine({ id, sender, name, status, content }: Said): string {
  return `${id} ${sender} ${name ?? '-'} ${sender === 'user' ? '-' : status}: ${content}`;
}

export const statusLine = (agentType: string, status: string, assignee: string | null) =>
  `status ${agentType} ${status} ${assignee ?? '-'}`;
export const noteLine = (id: number, author: string, content: string) => `note ${id} ${author}: ${content}`;
export const ratingLine = (score: number) => `rating ${score}`;

/** Whether guests see what a line is about. */
export const isForGuests = (line: string) => !/^(?:note|rating) /u.test(line);

/** Puts together what a socket was told of a session. */
export function transcriptOf({ name, heard, repeated }: Account, sessionId: string): Transcript {
  const findings: string[] = [];
  const lines: string[] = [];
  /** Messages that came as the answer to a repeated frame: the change itself may be told after it. */
  const early = new Map<string, string>();
  const known = new Set<string>();
  for (const frame of heard) {
    if (frame.type === 'reset') findings.push('was told to begin anew');
    if (frame.data.session_id !== sessionId) continue;
    const line = lineOf(frame);
    if (line === undefined) continue;
    const isRepeat = typeof frame.id === 'string' && repeated.has(frame.id);
    const id = frame.type === 'message' ? String(frame.data.id) : undefined;
    if (id !== undefined && known.has(id)) {
      if (isRepeat && lines.includes(line)) continue;
      if (early.get(id) === line) {
        early.delete(id);
        lines.splice(lines.indexOf(line), 1);
      } else {
        findings.push(`was told twice of ${line}`);
      }
    } else if (id !== undefined && isRepeat) {
      early.set(id, line);
    }
    if (id !== undefined) known.add(id);
    lines.push(line);
  }
  return { name, lines, findings: findings.map((finding) => `${name} ${finding}`) };
}

function lineOf({ type, data }: HelpdeskFrame): string | undefined {
  switch (type) {
    case 'message':
      return messageLine({
        id: String(data.id),
        sender: data.sender_type ?? '',
        name: data.sender?.name ?? null,
        status: data.status ?? '',
        content: data.content ?? '',
      });
    case 'status_update':
      return statusLine(data.agent_type ?? '', data.status ?? '', data.assignee?.name ?? null);
    case 'note':
      return noteLine(Number(data.id), data.author?.name ?? '', data.content ?? '');
    case 'rating':
      return ratingLine(data.score ?? 0);
    default:
      return undefined;
  }
}

/** Where two that must be the same are not. */
export function differenceOf(
  name: string,
  lines: readonly string[],
  other: string,
  others: readonly string[],
): string[] {
  const at = Array.from({ length: Math.max(lines.length, others.length) }).findIndex(
    (_, each) => lines[each] !== others[each],
  );
  if (at === -1) return [];
  return [`${name} has at ${at} “${lines[at]}”, where ${other} has “${others[at]}”`];
}
