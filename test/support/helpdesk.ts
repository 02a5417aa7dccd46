import type { Role } from '../../src/core/identity/caller.ts';
import { bearer, makeAccount, password } from './accounts.ts';
import { read, send, type Answered } from './gateway.ts';
import type { Parley } from './parley.ts';

/** Bodies of the helpdesk contract as tests read them. */
export interface Success<T> {
  success: boolean;
  data: T;
}

export interface HelpdeskError {
  success: boolean;
  error: {
    code: string;
    message: string;
    details: ({ field: string; issue: string } & Record<string, unknown>) | null;
  };
}

export interface AccessBody {
  access_token: string;
  token_type: string;
  expires_in: number;
  user: { id: number; email: string; full_name: string; role: string };
}

export interface UserBody {
  id: number;
  email: string;
  full_name: string;
  role: string;
  username: string;
  status: string;
  created_at: string;
  last_login_at: string | null;
}

export interface SessionBody {
  session_id: string;
  user_id: string;
  agent_type: string;
  status: string;
  assignee: { id: number; name: string } | null;
  message_count: number;
  rating: number | null;
  metadata: Record<string, unknown> | null;
  created_at: string;
  updated_at: string;
}

export interface MessageBody {
  id: string;
  session_id: string;
  sender_type: string;
  sender: { id: number; name: string } | null;
  content: string;
  message_type: string;
  citations: { number: number; article_id: number | null; title: string; section: string | null }[];
  created_at: string;
  status: string;
}

export interface SentBody extends MessageBody {
  reply: MessageBody | null;
}

export interface MessagesBody {
  messages: MessageBody[];
  total: number;
  has_more: boolean;
}

export type Headers = Record<string, string>;

/** Asks Parley at an address under `/api/v1`. */
export function askHelpdesk<T>(
  { url }: Pick<Parley, 'url'>,
  method: string,
  path: string,
  body?: unknown,
  headers: Headers = {},
): Promise<Answered<T>> {
  return read<T>(send(`${url}/api/v1${path}`, method, body, headers));
}

/** `POST /api/v1/auth/login`. */
export function logInToHelpdesk<T = Success<AccessBody>>(
  parley: Pick<Parley, 'url'>,
  credentials: unknown,
  headers?: Headers,
): Promise<Answered<T>> {
  return askHelpdesk<T>(parley, 'POST', '/auth/login', credentials, headers);
}

/** The headers of a new login, through the helpdesk, of the account `username`. */
export async function helpdeskLogin(
  parley: Pick<Parley, 'url'>,
  username: string,
): Promise<Headers & { authorization: string }> {
  const { status, body } = await logInToHelpdesk(parley, { email: username, password });
  if (status !== 200) throw new Error(`${username} could not log in: ${JSON.stringify(body)}`);
  return bearer(body.data.access_token);
}

/** An account with the given user name, and the headers of its login through the helpdesk. */
export async function joinHelpdesk(parley: Parley, username: string, role: Role = 'user') {
  const account = await makeAccount(parley, username, role);
  return { id: account.id, headers: await helpdeskLogin(parley, username) };
}

/** `POST /api/v1/chat/sessions`. */
export async function beginSession(
  parley: Pick<Parley, 'url'>,
  body: unknown = { user_id: 'guest_123' },
  headers?: Headers,
): Promise<SessionBody> {
  const answer = await askHelpdesk<Success<SessionBody>>(parley, 'POST', '/chat/sessions', body, headers);
  if (answer.status !== 201) throw new Error(`no session was begun: ${JSON.stringify(answer.body)}`);
  return answer.body.data;
}

/** `POST /api/v1/chat/messages`. */
export function sendMessage<T = Success<SentBody>>(
  parley: Pick<Parley, 'url'>,
  session_id: string,
  content: string,
  headers?: Headers,
): Promise<Answered<T>> {
  return askHelpdesk<T>(
    parley,
    'POST',
    '/chat/messages',
    { session_id, content, message_type: 'text' },
    headers,
  );
}

/** `GET /api/v1/chat/sessions/{session_id}/messages`. */
export async function messagesOf(
  parley: Pick<Parley, 'url'>,
  session_id: string,
  headers?: Headers,
): Promise<MessagesBody> {
  const path = `/chat/sessions/${session_id}/messages`;
  return (await askHelpdesk<Success<MessagesBody>>(parley, 'GET', path, undefined, headers)).body.data;
}
