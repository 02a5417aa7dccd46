import { EventSourceParserStream } from 'eventsource-parser/stream';
import { bearer, makeAccount, password, tokenOf } from './accounts.ts';
import type { Role } from '../../src/core/identity/caller.ts';
import { read, send, type Answered } from './gateway.ts';
import type { Parley } from './parley.ts';
import { openSocket, type SocketClient } from './socket.ts';

/** Bodies of the assistant contract as tests read them. */
export interface MessageBody {
  id: number;
  role: string;
  content: string;
  created_at: string;
  tokens: number;
  status: string;
  model?: string;
}

export interface ChatAnswer {
  session_id: number;
  message: MessageBody;
  total_tokens: number;
}

export interface SessionBody {
  id: number;
  title: string;
  status: string;
  message_count: number;
  last_message_time: string;
  created_at: string;
  updated_at: string;
}

export interface ErrorAnswer {
  error: { code: string; message: string; details: string };
  detail?: string;
}

/** A frame of a session's socket. */
export interface SessionFrame {
  type: string;
  id?: string | number;
  cursor?: string;
  data: Partial<MessageBody> & {
    error?: string;
    code?: string;
    details?: string;
    delta?: string;
    offset?: number;
  };
}

export type SessionSocket = Omit<SocketClient, 'next' | 'until'> & {
  next(): Promise<SessionFrame>;
  /** Frames up to and including the first for which `isLast` holds. */
  until(isLast: (frame: SessionFrame) => boolean): Promise<SessionFrame[]>;
};

/** A server, in this process or another. */
export type Server = Pick<Parley, 'url'>;

/** Somebody who is logged in, as a client of the assistant contract. */
export interface Person {
  headers: Record<string, string>;
  /** A call to an address below `/api/v1`. */
  call<T = ChatAnswer>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<Answered<T & ErrorAnswer>>;
  /** The same, the answer not read yet. */
  open(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<Response>;
  /** A socket of a session; `query` without its question mark. */
  socket(session: number | string, query?: string): Promise<SessionSocket>;
}

/** A new account, logged in through the assistant contract. */
export async function makePerson(parley: Parley, name: string, role?: Role): Promise<Person> {
  await makeAccount(parley, name, role);
  return personWith(parley, await tokenOf(parley, name));
}

/** The same through the doors alone, for a server in another process. */
export async function registerPerson(server: Server, username: string): Promise<Person> {
  const account = { username, email: `${username}@example.com`, password };
  await read(send(`${server.url}/api/v1/auth/register`, 'POST', account));
  return personWith(server, await tokenOf(server, username));
}

export function personWith(server: Server, token: string): Person {
  const headers = bearer(token);
  const open: Person['open'] = (method, path, body, more, signal) =>
    send(`${server.url}/api/v1${path}`, method, body, { ...headers, ...more }, signal);
  return {
    headers,
    open,
    call: (...request) => read(open(...request)),
    async socket(session, query = '') {
      const url = `${server.url.replace('http', 'ws')}/ws/chat/${session}?${query}`;
      const client = (await openSocket(url, { headers })) as unknown as SessionSocket & SocketClient;
      const next = client.next as () => Promise<SessionFrame>;
      return Object.assign(client, {
        async until(isLast: (frame: SessionFrame) => boolean) {
          const frames = [await next()];
          while (!isLast(frames.at(-1) as SessionFrame)) frames.push(await next());
          return frames;
        },
      });
    },
  };
}

/** An event of a stream of the assistant contract. */
export interface TurnFrame {
  id: string | undefined;
  data: {
    type: 'start' | 'delta' | 'done' | 'error';
    session_id?: number;
    message_id?: number;
    turn_id?: number;
    content?: string;
    offset?: number;
    message?: MessageBody;
    total_tokens?: number;
    error?: ErrorAnswer['error'];
  };
}

/** The events of an SSE answer as they come. */
export async function* turnFrames(response: Response): AsyncGenerator<TurnFrame> {
  if (response.body === null) return;
  const events = response.body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array<ArrayBuffer>>)
    .pipeThrough(new EventSourceParserStream());
  for await (const { id, data } of events) yield { id, data: JSON.parse(data) as TurnFrame['data'] };
}

export const allTurnFrames = (response: Response) => Array.fromAsync(turnFrames(response));

/** What frames of a stream say together. */
export function textIn(frames: TurnFrame[]): string {
  return frames.map(({ data }) => (data.type === 'delta' ? data.content : '')).join('');
}
