import { password } from '../support/accounts.ts';
import { always, type Matrix } from './entries.ts';
import type { NamedObject, Sent, Target } from './entry.ts';
import {
  answered,
  forAll,
  notValid,
  overSockets,
  whoeverComes,
  whoIsLoggedIn,
  type Expected,
} from './expected.ts';

const sessions = '/api/v1/chat/sessions';
const noSession = `${sessions}/sess_none`;
const issuer = 'helpdesk';
const rated = { score: 5, comment: 'Matrix' };

const notThere = whoeverComes(404);
const staffAlone: Expected = { ...notThere, agent: 200, administrator: 200 };
const nobodyElse = { nobody: 404, keyWithoutScope: 404, key: 404, adminKey: 404 };
/** Keys are nobody's login. */
const noKeys = { keyWithoutScope: 403, key: 403, adminKey: 403 };

/**
 * A session by its id, whose bearer has it as long as it belongs to nobody: what is a person's is there for that person and for staff.
 */
function bySessionId(
  send: (target: Target) => Sent,
  more: Partial<NamedObject> = {},
  status = 200,
): NamedObject[] {
  const where = 'in the address';
  const own = answered({ ...whoIsLoggedIn, ...nobodyElse }, status);
  const others = answered(staffAlone, status);
  return [
    { kind: 'session key', where, own, others, missing: notThere, send, ...more },
    {
      kind: 'guest session',
      where,
      own: whoeverComes(status),
      others,
      missing: notThere,
      send,
      changes: true,
    },
  ];
}

/** The same where staff may not do it in a session of another's, nor in a guest's. */
function ofCustomers(send: (target: Target) => Sent): NamedObject[] {
  const staff = { agent: 403, administrator: 403 };
  return bySessionId(send, { repeatable: true }).map((object) => ({
    ...object,
    own: object.kind === 'guest session' ? { ...object.own, ...staff } : object.own,
    others: { ...object.others, ...staff },
  }));
}

const at =
  (rest: string, body?: object) =>
  ({ id }: Target): Sent => ({ at: `${sessions}/${id}${rest}`, ...(body !== undefined && { body }) });
const writes = { changes: true, repeatable: true };

/** What guests and customers may do, and what people do with their logins. */
export const helpdeskMatrix: Matrix = {
  'POST /api/v1/auth/login': always(forAll(200), 'none', { body: () => ({ email: 'user', password }) }),
  'POST /api/v1/auth/refresh': always(whoIsLoggedIn, 'none', { issuer }),
  'GET /api/v1/auth/me': always(whoIsLoggedIn, 'none', { issuer }),
  'POST /api/v1/auth/logout': always(whoIsLoggedIn, 'none', { issuer, endsLogin: true }),
  'POST /api/v1/chat/sessions': always(whoeverComes(201), 'none', {
    issuer,
    body: () => ({ user_id: 'guest_123' }),
  }),
  'GET /api/v1/chat/sessions/:session_id': always(notThere, bySessionId(at('')), { issuer, at: noSession }),
  'GET /api/v1/chat/sessions/:session_id/messages': always(notThere, bySessionId(at('/messages')), {
    issuer,
    at: `${noSession}/messages`,
  }),
  'POST /api/v1/chat/sessions/:session_id/switch-agent': always(
    notThere,
    bySessionId(at('/switch-agent', { agent_type: 'human' }), writes),
    { issuer, at: `${noSession}/switch-agent`, body: () => ({ agent_type: 'human' }) },
  ),
  'POST /api/v1/chat/messages': always(
    notThere,
    bySessionId(
      ({ id }) => ({ at: '/api/v1/chat/messages', body: { session_id: String(id), content: 'Hello' } }),
      { ...writes, where: 'in the body' },
      201,
    ),
    { issuer, body: () => ({ session_id: 'sess_none', content: 'Hello' }) },
  ),
  'POST /api/v1/chat/sessions/:session_id/rating': always(notThere, ofCustomers(at('/rating', rated)), {
    issuer,
    at: `${noSession}/rating`,
    body: () => rated,
  }),
  'POST /api/v1/chat/sessions/:session_id/stop': always(notThere, ofCustomers(at('/stop')), {
    issuer,
    at: `${noSession}/stop`,
  }),
  'WS /ws (helpdesk)': always(
    overSockets({ ...forAll(200), ...notValid, ...noKeys }),
    bySessionId(({ id }) => ({ at: `/ws?session_id=${id}` }), { where: 'in the query' }).map((object) => ({
      ...object,
      own: overSockets({ ...object.own, ...noKeys }),
      others: overSockets({ ...object.others, ...noKeys }),
      missing: overSockets({ ...object.missing, ...noKeys }),
    })),
    {
      issuer,
      sessionFrames: {
        auth: { send: (session_id) => ({ type: 'auth', data: { session_id } }), answer: 'auth' },
        message: {
          send: (session_id) => ({ type: 'message', data: { session_id, content: 'Hello' } }),
          answer: 'message',
        },
        typing: { send: (session_id) => ({ type: 'typing', data: { session_id } }) },
        read: { send: (session_id) => ({ type: 'read', data: { session_id } }) },
        stop: { send: (session_id) => ({ type: 'stop', data: { session_id } }), staff: 'FORBIDDEN' },
        presence: {
          send: () => ({ type: 'presence', data: { status: 'away' } }),
          customers: 'FORBIDDEN',
          namesNone: true,
        },
        ping: { send: () => ({ type: 'ping' }), answer: 'ping', namesNone: true },
      },
    },
  ),
};
