import type { HelpdeskFrame } from '../support/helpdesk-socket.ts';
import { insist, request, type Insisting, type Told } from '../support/insist.ts';
import { administrator, password } from '../support/mortal-server.ts';
import { openClient, type Client } from './client.ts';
import type { PatientVendor } from './vendor.ts';

/** Where guests and agents meet. */
export interface Scene extends Insisting {
  vendor: PatientVendor;
  agents: readonly Agent[];
}

export interface Agent {
  id: number;
  name: string;
  token: string;
  client: Client;
}

/** A guest with a session, and what the two are sure of. */
export interface Lane {
  name: string;
  sessionId: string;
  guest: Client;
  /** Who has it. */
  owner: Agent | undefined;
  /** Requests so far, which names them. */
  requests: number;
  /** What was acknowledged, by who said it; in its order. */
  said: { by: string; text: string }[];
  /** Texts that were refused, or came too late: nobody may be told of them. */
  unsaid: string[];
  /** Notes, which are for staff alone. */
  notes: string[];
  /** Who was in charge, one after the other: `human active Ann`. */
  owners: string[];
}

/** A request that is sent until it is answered; a write needs a body, and is done once. */
export function ask<T>(
  scene: Insisting,
  lane: Pick<Lane, 'name' | 'requests'>,
  method: string,
  path: string,
  { token = '', body }: { token?: string; body?: object } = {},
): Promise<Told<T>> {
  // eslint-disable-next-line no-param-reassign -- Each request of a lane has a name of its own.
  const headers = { 'idempotency-key': `${lane.name.replace(' ', '-')}-${++lane.requests}` };
  return insist(scene, `${method} ${path}`, (life) =>
    request<T>(life, method, `/api/v1${path}`, token, {
      ...(method !== 'GET' && { headers, body: body ?? {} }),
    }),
  );
}

/** The same for what must succeed; its `data`. */
export async function insistOn<T>(
  scene: Insisting,
  lane: Pick<Lane, 'name' | 'requests'>,
  method: string,
  path: string,
  more: { token?: string; body?: object } = {},
): Promise<T> {
  const { status, body } = await ask<{ data: T }>(scene, lane, method, path, more);
  if (status >= 300) throw new Error(`${method} ${path} was answered ${status} ${JSON.stringify(body)}`);
  return body.data;
}

/** Two agents with a socket each. */
export async function seatAgents(scene: Insisting): Promise<Agent[]> {
  const office = { name: 'office', requests: 0 };
  const boss = await logIn(scene, office, administrator);
  const agents: Agent[] = [];
  for (const name of ['Ann', 'Bob']) {
    const email = `${name.toLowerCase()}@example.com`;
    const account = { email, full_name: name, role: 'agent', password };
    const body = { token: boss, body: account };
    const { id } = await insistOn<{ id: number }>(scene, office, 'POST', '/admin/users', body);
    const token = await logIn(scene, office, email);
    const client = openClient(scene, name, `token=${token}`);
    await client.hears(({ type }) => type === 'auth', 'who it is');
    agents.push({ id, name, token, client });
  }
  return agents;
}

async function logIn(scene: Insisting, office: { name: string; requests: number }, email: string) {
  const body = { email, password };
  const path = '/auth/login';
  return (await insistOn<{ access_token: string }>(scene, office, 'POST', path, { body })).access_token;
}

/** A guest comes. */
export async function openLane(scene: Scene, name: string): Promise<Lane> {
  const first = { name, requests: 0 };
  const body = { user_id: `<b>${name}</b>` };
  const session = await insistOn<{ session_id: string }>(scene, first, 'POST', '/chat/sessions', { body });
  const { session_id: sessionId } = session;
  const guest = openClient(scene, name, `session_id=${sessionId}`);
  await guest.hears(({ type }) => type === 'auth', 'that it is there');
  for (const { client } of scene.agents) client.greets({ type: 'auth', data: { session_id: sessionId } });
  return {
    ...first,
    sessionId,
    guest,
    owner: undefined,
    said: [],
    unsaid: [],
    notes: [],
    owners: [],
  };
}

/** Whether a frame of the lane's session is a message with this text. */
export function isSaying({ sessionId }: Lane, text: string): (frame: HelpdeskFrame) => boolean {
  return ({ type, data }) => type === 'message' && data.session_id === sessionId && data.content === text;
}

/** Whether a frame tells of who is in charge: `human active Ann`. */
export function isOwner({ sessionId }: Lane, owner: string): (frame: HelpdeskFrame) => boolean {
  return (frame) => frame.data.session_id === sessionId && ownerIn(frame) === owner;
}

export function ownerIn({ type, data }: HelpdeskFrame): string | undefined {
  return type === 'status_update'
    ? `${data.agent_type} ${data.status} ${data.assignee?.name ?? '-'}`
    : undefined;
}
