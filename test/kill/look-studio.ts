import type { Envelope, MessageBody, MessagesBody, PaginationBody } from '../support/studio.ts';
import type { Life } from '../support/mortal-server.ts';
import { request, type Person } from './world.ts';

/** What a user sees through studio's door. */
export interface SeenStudio {
  userId: number;
  conversations: SeenConversation[];
  /** Of the list of conversations, as it says itself. */
  total: number;
  calls: SeenCalls;
  /** The same for each model by itself. */
  byModel: (Omit<SeenCalls, 'rows'> & { model: string })[];
  statistics: StatisticsBody;
}

export interface SeenConversation {
  id: number;
  messages: MessageBody[];
  total: number;
  pending: number[];
}

/** The history of calls, newest first. */
export interface SeenCalls {
  rows: CallBody[];
  total: number;
  summary: { request_tokens: number; response_tokens: number };
}

export interface CallBody {
  id: number;
  user_id: number | null;
  conversation_id: number | null;
  message_id: number | null;
  model_name: string;
  request_tokens: number;
  response_tokens: number;
  request_id: string;
}

interface SumsBody {
  conversation_count: number;
  message_count: number;
  token_count: number;
}

/** studio.md, "查询对话历史统计". */
export interface StatisticsBody {
  total_conversations: number;
  total_messages: number;
  total_tokens: number;
  model_statistics: SumsBody[];
  daily_statistics: SumsBody[];
}

type Door = Pick<Life, 'url'>;

/** Everything that studio shows to a person. */
export async function lookThroughStudio(door: Door, { id: userId, token }: Person): Promise<SeenStudio> {
  const get = <T>(path: string) => read<T>(door, token, path);
  const [listed, calls, statistics] = await Promise.all([
    pages(get, '/conversations', (body: ListBody) => body.conversations),
    pages(get, '/history/api-calls', (body: CallsBody) => body.api_calls),
    get<StatisticsBody>('/history/conversations/statistics'),
  ]);
  const conversations = listed.rows.map(async ({ conversation_id: id }): Promise<SeenConversation> => {
    const { rows, first } = await pages(
      get,
      `/conversations/${id}/messages`,
      (body: MessagesBody) => body.messages,
    );
    return { id, messages: rows, total: first.pagination.total, pending: first.pending };
  });
  const models = new Set(calls.rows.map(({ model_name: model }) => model));
  const byModel = Array.from(models, async (model) => {
    const path = `/history/api-calls?limit=1&model_name=${encodeURIComponent(model)}`;
    const { pagination, summary } = await get<CallsBody>(path);
    return { model, total: pagination.total, summary };
  });
  return {
    userId,
    conversations: await Promise.all(conversations),
    total: listed.first.pagination.total,
    calls: { rows: calls.rows, total: calls.first.pagination.total, summary: calls.first.summary },
    byModel: await Promise.all(byModel),
    statistics,
  };
}

/** Whether no answer to the person is on its way. */
export async function isAtRest(door: Door, { token }: Person): Promise<boolean> {
  const get = <T>(path: string) => read<T>(door, token, path);
  const { rows } = await pages(get, '/conversations', (body: ListBody) => body.conversations);
  const pending = await Promise.all(
    rows.map(async ({ conversation_id: id }) => {
      const page = await get<MessagesBody>(`/conversations/${id}/messages?limit=1`);
      return page.pending.length;
    }),
  );
  return pending.every((count) => count === 0);
}

interface ListBody {
  conversations: { conversation_id: number }[];
  pagination: PaginationBody;
}

interface CallsBody {
  api_calls: CallBody[];
  pagination: PaginationBody;
  summary: SeenCalls['summary'];
}

async function read<T>(door: Door, token: string, path: string): Promise<T> {
  const { status, body } = await request<Envelope<T>>(door, 'GET', `/api${path}`, token);
  if (status !== 200) throw new Error(`${path} was answered ${status} ${JSON.stringify(body)}`);
  return body.data;
}

/** The rows of all pages, and the first page. */
async function pages<Body, Row>(
  get: (path: string) => Promise<Body>,
  path: string,
  rowsOf: (body: Body) => Row[],
): Promise<{ rows: Row[]; first: Body }> {
  const first = await get(`${path}?limit=100`);
  const rows = [...rowsOf(first)];
  for (let page = 2; rows.length === (page - 1) * 100; page++) {
    rows.push(...rowsOf(await get(`${path}?limit=100&page=${page}`)));
  }
  return { rows, first };
}
