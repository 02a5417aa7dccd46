import type { Headers, MessageBody } from './helpdesk.ts';
import type { Parley } from './parley.ts';
import { openSocket, type SocketClient } from './socket.ts';

/** A frame of the helpdesk's socket. */
export interface HelpdeskFrame {
  type: string;
  id?: string | number;
  cursor?: string;
  data: Partial<Omit<MessageBody, 'id'>> & {
    id?: string | number;
    authenticated?: boolean;
    user?: { id: number; email: string; full_name: string; role: string } | null;
    session_id?: string | null;
    is_complete?: boolean;
    full_content?: string;
    is_typing?: boolean;
    agent?: { id: number; name: string };
    agent_type?: string;
    assignee?: { id: number; name: string } | null;
    message?: string;
    error?: { code: string };
    code?: string;
    details?: string | (Record<string, unknown> & { field?: string }) | null;
    receipt?: string;
    message_ids?: string[];
    by?: string;
    score?: number;
    author?: { id: number; name: string };
    last_message?: MessageBody | null;
    tags?: string[];
  };
}

export type HelpdeskSocket = Omit<SocketClient, 'next' | 'until'> & {
  next(): Promise<HelpdeskFrame>;
  /** Frames up to and including the first for which `isLast` holds. */
  until(isLast: (frame: HelpdeskFrame) => boolean): Promise<HelpdeskFrame[]>;
  /** Sends a frame of `type`. */
  say(type: string, data?: object, id?: string | number): void;
};

/** A socket at `/ws`; `query` without its question mark. */
export async function helpdeskSocket(
  { wsUrl }: Pick<Parley, 'wsUrl'>,
  query = '',
  headers: Headers = {},
): Promise<HelpdeskSocket> {
  const client = await openSocket(`${wsUrl}/ws?${query}`, { headers });
  const next = client.next as () => Promise<HelpdeskFrame>;
  return Object.assign(client, {
    next,
    async until(isLast: (frame: HelpdeskFrame) => boolean) {
      const frames = [await next()];
      while (!isLast(frames.at(-1) as HelpdeskFrame)) frames.push(await next());
      return frames;
    },
    say: (type: string, data?: object, id?: string | number) => client.send({ type, id, data }),
  });
}

/** Everything that came before the answer to an empty `auth`: what was on its way when it was asked. */
export async function settled(socket: HelpdeskSocket): Promise<HelpdeskFrame[]> {
  socket.say('auth', {}, 'settled');
  const frames = await socket.until(({ type, id }) => type === 'auth' && id === 'settled');
  return frames.slice(0, -1);
}

/** What a frame is about, in a few words. */
export function gist({ type, data }: HelpdeskFrame): string {
  switch (type) {
    case 'message':
      return `${data.sender_type}: ${data.content}`;
    case 'ai_stream':
      return `stream ${data.is_complete === true ? 'ends' : 'says'}: ${data.full_content}`;
    case 'status_update':
      return `status ${data.status} ${data.agent_type} ${data.assignee?.name ?? '-'}`;
    case 'conversation':
      return `conversation ${data.status} ${data.agent_type}`;
    case 'typing':
      return `typing ${data.sender_type}${data.is_typing === true ? '' : ' no more'}`;
    case 'receipt':
      return `${data.by} ${data.receipt} ${data.message_ids?.join(' ')}`;
    case 'error':
      return `error ${data.code}`;
    default:
      return type;
  }
}
