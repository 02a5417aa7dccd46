import { bearer, makeAccount, tokenOf } from './accounts.ts';
import { read, send } from './gateway.ts';
import type { Parley } from './parley.ts';
import { openSocket, type SocketClient } from './socket.ts';
import type { ScriptedVendor } from './vendor.ts';

/** Bodies of the companion contract as tests read them. */
export interface CompanionMessage {
  id: string;
  sessionId: string;
  role: string;
  content: string;
  timestamp: string;
  status: string;
  state: string;
}
export interface CompanionChat {
  response: string;
  messages: CompanionMessage[];
}
export interface CompanionError {
  detail: string;
}
export interface CompanionFrame {
  type: string;
  id?: string | number;
  cursor?: number;
  data: CompanionMessage & { ids?: string[] };
}

/** Somebody with an account of their own who speaks the companion contract. */
export interface Companion {
  username: string;
  token: string;
  post<T = CompanionChat & CompanionError>(
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): ReturnType<typeof read<T>>;
  get<T = CompanionError>(path: string): ReturnType<typeof read<T>>;
  /** `POST /api/v1/chat`, answered with `answer` by the vendor. */
  exchange(message: string, answer: string): Promise<CompanionChat>;
  open(query?: string, options?: SocketOptions): Promise<CompanionSocket>;
}

type SocketOptions = Parameters<typeof openSocket>[1];

export interface CompanionSocket extends Omit<SocketClient, 'next' | 'until'> {
  next(): Promise<CompanionFrame>;
  /** Frames up to and including the first that is said so of. */
  until(isLast: (frame: CompanionFrame) => boolean): Promise<CompanionFrame[]>;
}

let made = 0;

export async function makeCompanion(parley: Parley, vendor: ScriptedVendor): Promise<Companion> {
  const name = `companion-${++made}`;
  await makeAccount(parley, name);
  const token = await tokenOf(parley, name, 'companion');
  const at = (path: string) => `${parley.url}/api/v1/${path}`;
  return {
    username: name,
    token,
    post: (path, body, headers) => read(send(at(path), 'POST', body, { ...bearer(token), ...headers })),
    get: (path) => read(send(at(path), 'GET', undefined, bearer(token))),
    async exchange(message, answer) {
      const pending = read<CompanionChat>(send(at('chat'), 'POST', { message }, bearer(token)));
      const call = await vendor.next();
      await call.delta(answer);
      call.finish();
      return (await pending).body;
    },
    open: (query = '', options) => openCompanion(`${parley.wsUrl}/ws/chat?token=${token}${query}`, options),
  };
}

export async function openCompanion(url: string, options?: SocketOptions): Promise<CompanionSocket> {
  const client = await openSocket(url, options);
  const next = async () => (await client.next()) as unknown as CompanionFrame;
  return {
    ...client,
    get waiting() {
      return client.waiting;
    },
    next,
    async until(isLast) {
      const seen: CompanionFrame[] = [];
      for (;;) {
        const frame = await next();
        seen.push(frame);
        if (isLast(frame)) return seen;
      }
    },
  };
}

/** What a frame is about, in a few words: `user sent`, `assistant typing`, `message: Hello`. */
export function gist({ type, data }: CompanionFrame): string {
  if (type === 'status') return `${data.role} ${data.content}`;
  return type === 'message' ? `${data.role}: ${data.content} (${data.status})` : type;
}
