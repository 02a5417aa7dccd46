import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { Role } from '../../src/core/identity/caller.ts';
import { bearer, makeAccount, password } from './accounts.ts';
import { read, send, type Answered } from './gateway.ts';
import type { Parley } from './parley.ts';

/** Bodies of the studio contract as tests read them. */
export interface Envelope<T> {
  code: number;
  message: string;
  data: T;
}

export interface WirePart {
  type: string;
  text?: string;
  image_url?: { url: string };
  video_url?: { url: string };
}

export interface MessageBody {
  message_id: number;
  conversation_id: number;
  user_id: number;
  role: string;
  content_type: string;
  content: WirePart[];
  status: number;
  created_at: string;
  sender_type?: string;
  model_name?: string;
  tokens: number;
  state: string;
  error?: { code: number; message: string };
}

export interface SentBody extends MessageBody {
  reply?: MessageBody | null;
}

export interface PaginationBody {
  current_page: number;
  per_page: number;
  total: number;
  total_pages: number;
}

export interface MessagesBody {
  messages: MessageBody[];
  pagination: PaginationBody;
  pending: number[];
}

export interface ConversationBody {
  conversation_id: number;
  title: string;
  model_name: string;
  status: number;
  created_at: string;
  updated_at: string;
}

/** A row of the call history. */
export interface CallBody {
  id: number;
  user_id: number | null;
  conversation_id: number | null;
  message_id: number | null;
  model_name: string;
  api_endpoint: string;
  status_code: number;
  request_tokens: number;
  response_tokens: number;
  total_tokens: number;
  call_duration: number;
  client_ip: string;
  created_at: string;
  estimated: boolean;
  cost: number;
  currency: string;
  outcome: string;
  error_code: string | null;
  contract: string;
  streamed: boolean;
  request_id: string;
}

export type Headers = Record<string, string>;

/** Sees images and videos; DashScope's. */
export const visionModel = 'qwen-vl-max-latest';

/** A server, in this process or another. */
type Server = Pick<Parley, 'url'>;

/** Asks Parley at an address under `/api`. */
export function askStudio<T>(
  { url }: Server,
  method: string,
  path: string,
  body?: unknown,
  headers: Headers = {},
): Promise<Answered<Envelope<T>>> {
  return read<Envelope<T>>(send(`${url}/api${path}`, method, body, headers));
}

/** The access token of a new login through the studio contract. */
export async function studioToken(server: Server, username: string): Promise<string> {
  const login = { username, password };
  const { status, body } = await askStudio<{ access_token: string }>(server, 'POST', '/auth/login', login);
  if (status !== 200) throw new Error(`${username} could not log in: ${JSON.stringify(body)}`);
  return body.data.access_token;
}

/** Somebody who is logged in, as a client of the studio contract. */
export interface Studio {
  id: number;
  headers: Headers;
  /** A call to an address below `/api`. */
  call<T = null>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Headers,
  ): Promise<Answered<Envelope<T>>>;
  /** The same, the answer not read yet. */
  open(
    method: string,
    path: string,
    body?: unknown,
    headers?: Headers,
    signal?: AbortSignal,
  ): Promise<Response>;
  /** A new conversation's id. */
  begin(model_name?: string): Promise<number>;
  /** Sends a message, without waiting for its reply; a text goes as the one part that it is. */
  send(conversation: number, content: string | WirePart[], headers?: Headers): Promise<MessageBody>;
  /** Sends a message and waits; the answer's `data`. */
  exchange(conversation: number, content: string | WirePart[], headers?: Headers): Promise<SentBody>;
  /** `GET …/messages`. */
  history(conversation: number, query?: string): Promise<MessagesBody>;
}

/** A new account, logged in through the studio contract. */
export async function makeStudio(parley: Parley, name: string, role?: Role): Promise<Studio> {
  const { id } = await makeAccount(parley, name, role);
  return studioWith(parley, id, await studioToken(parley, name));
}

/** The same through the doors alone, for a server in another process. */
export async function registerStudio(
  server: Server,
  username: string,
): Promise<{ id: number; token: string }> {
  const account = { username, email: `${username}@example.com`, password };
  const { body } = await askStudio<{ user_id: number }>(server, 'POST', '/auth/register', account);
  return { id: body.data.user_id, token: await studioToken(server, username) };
}

export function studioWith(server: Server, id: number, token: string): Studio {
  const headers = bearer(token);
  const call: Studio['call'] = (method, path, body, more) =>
    askStudio(server, method, path, body, { ...headers, ...more });
  const data = async <T>(method: string, path: string, body?: unknown, more?: Headers): Promise<T> => {
    const answer = await call<T>(method, path, body, more);
    if (answer.status !== 200) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body.data;
  };
  return {
    id,
    headers,
    call,
    open: (method, path, body, more, signal) =>
      send(`${server.url}/api${path}`, method, body, { ...headers, ...more }, signal),
    begin: async (model_name = visionModel) =>
      (await data<ConversationBody>('POST', '/conversations', { model_name })).conversation_id,
    send: (conversation, content, more) =>
      data('POST', `/conversations/${conversation}/messages`, { content: contentOf(content) }, more),
    exchange: (conversation, content, more) =>
      data(
        'POST',
        `/conversations/${conversation}/messages?wait=true`,
        { content: contentOf(content) },
        more,
      ),
    history: (conversation, query = '') => data('GET', `/conversations/${conversation}/messages${query}`),
  };
}

/** A text as the content that it is. */
export function contentOf(content: string | WirePart[]): WirePart[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

/** An event of a reply's stream. */
export interface ReplyEvent {
  id: string | undefined;
  data: {
    type: 'start' | 'delta' | 'done' | 'error';
    conversation_id?: number;
    message_id?: number;
    reply_id?: number | null;
    content?: string;
    offset?: number;
    reply?: MessageBody | null;
    code?: number;
    message?: string;
  };
}

/** The events of a reply's stream as they come. */
export async function* replyEvents(response: Response): AsyncGenerator<ReplyEvent> {
  if (response.body === null) return;
  const events = response.body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array<ArrayBuffer>>)
    .pipeThrough(new EventSourceParserStream());
  for await (const { id, data } of events) yield { id, data: JSON.parse(data) as ReplyEvent['data'] };
}

export const allReplyEvents = (response: Response) => Array.fromAsync(replyEvents(response));

/** What the events of a stream say together. */
export function textIn(events: ReplyEvent[]): string {
  return events.map(({ data }) => (data.type === 'delta' ? data.content : '')).join('');
}
