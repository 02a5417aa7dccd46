import type { Answered } from './gateway.ts';
import {
  askHelpdesk,
  beginSession,
  joinHelpdesk,
  sendMessage,
  type HelpdeskError,
  type Headers,
  type MessageBody,
  type SessionBody,
  type Success,
} from './helpdesk.ts';
import { startParley, type Parley, type ParleyOptions } from './parley.ts';

/** Bodies of the administrators' addresses as tests read them. */
export interface ConversationBody {
  id: number;
  session_id: string;
  user_id: string;
  channel: string;
  status: string;
  agent_type: string;
  assignee: { id: number; name: string } | null;
  priority: string;
  tags: string[];
  last_message: MessageBody | null;
  message_count: number;
  rating: number | null;
  created_at: string;
  updated_at: string;
}

export interface Staff {
  id: number;
  headers: Headers;
  /** Asks an address under `/api/v1/admin`; the answer's `data`. Throws for any other status than `status`. */
  ask<T = ConversationBody>(method: string, path: string, body?: unknown, headers?: Headers): Promise<T>;
  /** The same for what is refused. */
  refused(
    method: string,
    path: string,
    body?: unknown,
    headers?: Headers,
  ): Promise<{ status: number; error: HelpdeskError['error'] }>;
}

/** A server with two agents, an administrator and whoever comes as a guest. */
export interface Helpdesk {
  parley: Parley;
  ann: Staff;
  bob: Staff;
  boss: Staff;
  /** A guest's session that waits for a person, with what the guest says then; resolves to the conversation too. */
  waiting(user_id: string, ...texts: string[]): Promise<{ session: SessionBody; id: number }>;
}

export async function startHelpdesk(options: ParleyOptions = {}): Promise<Helpdesk> {
  const parley = await startParley(options);
  const ann = await staffOf(parley, 'ann', 'agent');
  return {
    parley,
    ann,
    bob: await staffOf(parley, 'bob', 'agent'),
    boss: await staffOf(parley, 'boss', 'admin'),
    async waiting(user_id, ...texts) {
      const session = await beginSession(parley, { user_id });
      const human = { agent_type: 'human' };
      await askHelpdesk(parley, 'POST', `/chat/sessions/${session.session_id}/switch-agent`, human);
      for (const text of texts) await sendMessage(parley, session.session_id, text);
      const { id } = await ann.ask('GET', `/conversations/${session.session_id}`);
      return { session, id };
    },
  };
}

async function staffOf(parley: Parley, name: string, role: 'agent' | 'admin'): Promise<Staff> {
  const { id, headers } = await joinHelpdesk(parley, name, role);
  const english = { 'accept-language': 'en' };
  const send = <T>(method: string, path: string, body: unknown, more: Headers): Promise<Answered<T>> =>
    askHelpdesk<T>(parley, method, `/admin${path}`, body, { ...headers, ...english, ...more });
  return {
    id,
    headers,
    async ask<T>(method: string, path: string, body?: unknown, more: Headers = {}) {
      const answer = await send<Success<T>>(method, path, body, more);
      if (answer.status >= 300) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer.body.data;
    },
    async refused(method, path, body, more = {}) {
      const answer = await send<HelpdeskError>(method, path, body, more);
      if (answer.status < 300) throw new Error('it was not refused');
      return { status: answer.status, error: answer.body.error };
    },
  };
}
