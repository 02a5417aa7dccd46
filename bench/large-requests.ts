import type { FilledParley } from './filled-parley.ts';
import { adminId, heavyId } from './fill/population.ts';
import type { LoadPlan } from './load-plan.ts';
import { seededRandom } from './questions.ts';
import { prompt } from './wire.ts';

/** One kind of request, with as many different ones of it as matter. */
export interface Kind {
  name: string;
  /** Whether it asks a question; the others only read. */
  writes: boolean;
  requests: Pick<LoadPlan, 'path' | 'headers' | 'bodies'>;
}

const variants = 400;
const sessionsPage = 20;
const messagesPage = 50;
const historyPage = 20;

interface Facts {
  hugeId: number;
  sessions: number;
  inHuge: number;
  history: number;
}

interface Picked {
  id: number;
  userId: number;
}

function factsOf(filled: FilledParley): Facts {
  const [huge] = filled.select<{ id: number; count: number }>(
    'SELECT id, message_count AS count FROM conversations ORDER BY message_count DESC LIMIT 1',
  );
  const [counters] = filled.select<{ sessions: number; history: number }>(
    `SELECT conversations AS sessions, messages AS history FROM user_counters WHERE user_id = ${heavyId}`,
  );
  return { hugeId: huge!.id, inHuge: huge!.count, ...counters! };
}

/** Where pages begin: somewhere in the middle fifth, so that few of them are asked for twice. */
function somewhere(count: number, page: number, random: () => number): number[] {
  const from = Math.floor(count * 0.4);
  const room = Math.max(1, Math.min(Math.floor(count * 0.2), count - page - from));
  return Array.from({ length: variants }, () => from + Math.floor(random() * room));
}

function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
}

/** The heavy user's lists: at their beginning, somewhere in their middle, at their end. */
function listsOf(filled: FilledParley, random: () => number): Kind[] {
  const { hugeId, sessions, inHuge, history } = factsOf(filled);
  const assistant = filled.headersOf(heavyId);
  const companion = filled.headersOf(heavyId, 'companion');
  const read = (name: string, path: LoadPlan['path'], headers: Record<string, string>): Kind => {
    return { name, writes: false, requests: { path, headers, bodies: [] } };
  };
  const paged = (what: string, address: string, count: number, page: number): Kind[] => {
    const at = (skip: number): string => `${address}?skip=${skip}&limit=${page}`;
    return [
      read(`${what}, first page`, at(0), assistant),
      read(`${what}, middle`, somewhere(count, page, random).map(at), assistant),
      read(`${what}, last page`, at(count - page), assistant),
    ];
  };
  const pages = Math.floor(history / historyPage);
  const inOrder = (order: string): Kind[] => {
    const at = (page: number): string => `/api/v1/chat/history?page=${page}&pageSize=${historyPage}${order}`;
    const middle = somewhere(pages, 1, random).map(at);
    const name = `history${order === '' ? '' : ', newest first'}`;
    return [
      read(`${name}, first page`, at(1), companion),
      read(`${name}, middle`, middle, companion),
      read(`${name}, last page`, at(pages), companion),
    ];
  };
  return [
    ...paged('sessions', '/api/v1/chat/sessions', sessions, sessionsPage),
    ...paged('messages of a huge session', `/api/v1/chat/sessions/${hugeId}/messages`, inHuge, messagesPage),
    ...inOrder(''),
    ...inOrder('&order=desc'),
  ];
}

/** The same of anybody: each request is another user's, so that few rows of it were read before. */
function listsOfAnybody(filled: FilledParley, random: () => number): Kind[] {
  const all = filled.select<Picked>(
    `SELECT id, user_id AS userId FROM conversations WHERE user_id > ${heavyId} AND channel = 'assistant'`,
  );
  const picked = Array.from({ length: variants }, () => all[Math.floor(random() * all.length)]!);
  const read = (
    name: string,
    pathOf: (one: Picked) => string,
    contract: 'assistant' | 'companion' = 'assistant',
  ): Kind => {
    const headers = picked.map(({ userId }) => filled.headersOf(userId, contract));
    return {
      name: `${name}, of anybody`,
      writes: false,
      requests: { path: picked.map(pathOf), headers, bodies: [] },
    };
  };
  return [
    read('sessions', () => '/api/v1/chat/sessions'),
    read('messages', ({ id }) => `/api/v1/chat/sessions/${id}/messages`),
    read('history', () => '/api/v1/chat/history', 'companion'),
    read('total', () => '/api/v1/statistics/total'),
  ];
}

function statisticsOf(filled: FilledParley): Kind[] {
  const daily = `/api/v1/statistics/daily?start_date=${daysAgo(365)}&end_date=${daysAgo(0)}`;
  const read = (name: string, path: string, userId: number, contract?: 'companion'): Kind => {
    const headers = filled.headersOf(userId, contract);
    return { name, writes: false, requests: { path, headers, bodies: [] } };
  };
  return [
    read('total, own', '/api/v1/statistics/total', heavyId),
    read('total, whole service', '/api/v1/statistics/total', adminId),
    read('366 days, own', daily, heavyId),
    read('366 days, whole service', daily, adminId),
    read('companion, chats', '/api/v1/stats/chat', heavyId, 'companion'),
    read('companion, messages', '/api/v1/stats/messages', heavyId, 'companion'),
    read('companion, chats, whole service', '/api/v1/stats/chat', adminId, 'companion'),
  ];
}

function questionsIn(filled: FilledParley): Kind[] {
  const { hugeId } = factsOf(filled);
  const ask = (name: string, contract: 'assistant' | 'companion', body: object): Kind => {
    const headers = filled.headersOf(heavyId, contract);
    return {
      name,
      writes: true,
      requests: { path: '/api/v1/chat', headers, bodies: [JSON.stringify(body)] },
    };
  };
  return [
    ask('question in a huge session', 'assistant', { message: prompt, session_id: hugeId }),
    ask('question to companion', 'companion', { message: prompt }),
  ];
}

/** Every list, history page and statistic of assistant and companion, and questions; the same ones in every run. */
export function largeRequests(filled: FilledParley): Kind[] {
  const random = seededRandom(11);
  return [
    ...listsOf(filled, random),
    ...listsOfAnybody(filled, random),
    ...statisticsOf(filled),
    ...questionsIn(filled),
  ];
}
