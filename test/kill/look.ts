import { lookThroughStudio, type SeenStudio } from './look-studio.ts';
import { request, type Person } from './world.ts';
import type { Life } from '../support/mortal-server.ts';

/** What a user sees through the doors. */
export interface Seen {
  user: string;
  sessions: SeenSession[];
  /** Companion's history, over all sessions. */
  history: { id: number; role: string; content: string }[];
  total: SeenTotal;
  /** What studio shows beside it, to those who use it. */
  studio?: SeenStudio;
  /** The same figures, as two other routes tell them. */
  again: { chats: number; messages: number; days: Pick<SeenTotal, 'total_tokens' | 'total_errors'> };
}

export interface SeenSession {
  id: number;
  title: string;
  messageCount: number;
  messages: SeenMessage[];
}

export interface SeenMessage {
  id: number;
  role: string;
  content: string;
  status: string;
}

/** assistant.md, "Get Total Statistics". */
export interface SeenTotal {
  total_chats: number;
  total_messages: number;
  total_tokens: number;
  total_errors: number;
}

interface SessionBody {
  id: number;
  title: string;
  message_count: number;
}

/** The server that is looked at, which no client may use meanwhile. */
type Door = Pick<Life, 'url'>;

/** Everything that a person can see. */
export async function look(door: Door, person: Person): Promise<Seen> {
  const [seen, studio] = await Promise.all([
    lookThroughOthers(door, person),
    lookThroughStudio(door, person),
  ]);
  return { ...seen, studio };
}

async function lookThroughOthers(door: Door, person: Person): Promise<Seen> {
  const get = <T>(path: string) => read<T>(door, person.token, path);
  const [listed, history, total, again] = await Promise.all([
    pages((skip) => get<SessionBody[]>(`/api/v1/chat/sessions?skip=${skip}&limit=100`)),
    lookBack(door, person),
    lookAtTotal(door, person.token),
    lookAgain(door, person),
  ]);
  const sessions = listed.map(async ({ id, title, message_count: messageCount }) => {
    const path = `/api/v1/chat/sessions/${id}/messages`;
    const messages = await pages((skip) => get<SeenMessage[]>(`${path}?skip=${skip}&limit=100`));
    return { id, title, messageCount, messages };
  });
  return { user: person.name, sessions: await Promise.all(sessions), history, total, again };
}

async function lookBack(door: Door, { companionToken }: Person) {
  interface Page {
    messages: { id: string; role: string; content: string }[];
  }
  const rows = await pages(async (skip) => {
    const path = `/api/v1/chat/history?page=${skip / 100 + 1}&pageSize=100`;
    return (await read<Page>(door, companionToken, path)).messages;
  });
  return rows.map(({ id, role, content }) => ({ id: Number(id), role, content }));
}

/** A user's own figures; an administrator's are the service's. */
export function lookAtTotal(door: Door, token: string): Promise<SeenTotal> {
  return read(door, token, '/api/v1/statistics/total');
}

async function lookAgain(door: Door, { token, companionToken }: Person): Promise<Seen['again']> {
  interface Day {
    token_usage: number;
    error_count: number;
  }
  const [{ totalChats }, { totalMessages }, days] = await Promise.all([
    read<{ totalChats: number }>(door, companionToken, '/api/v1/stats/chat'),
    read<{ totalMessages: number }>(door, companionToken, '/api/v1/stats/messages'),
    read<Day[]>(door, token, '/api/v1/statistics/daily'),
  ]);
  const sum = (name: keyof Day) => days.reduce((total, day) => total + day[name], 0);
  return {
    chats: totalChats,
    messages: totalMessages,
    days: { total_tokens: sum('token_usage'), total_errors: sum('error_count') },
  };
}

/** Whether a token is let in. */
export async function isLetIn(door: Door, token: string): Promise<boolean> {
  const { status } = await request(door, 'GET', '/api/v1/chat/sessions?limit=1', token);
  return status === 200;
}

async function read<T>(door: Door, token: string, path: string): Promise<T> {
  const { status, body } = await request<T>(door, 'GET', path, token);
  if (status !== 200) throw new Error(`${path} was answered ${status} ${JSON.stringify(body)}`);
  return body;
}

async function pages<T>(page: (skip: number) => Promise<T[]>): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const rows = await page(all.length);
    all.push(...rows);
    if (rows.length < 100) return all;
  }
}
