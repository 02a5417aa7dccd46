import { always, type Matrix, type More } from './entries.ts';
import type { NamedObject, Sent, Target } from './entry.ts';
import { answered, whoAnswers, type Expected } from './expected.ts';

const admin = '/api/v1/admin';
const issuer = 'helpdesk';
const none = answered(whoAnswers, 404);

/** Staff see every conversation, whosever it is, by its number and by its session's id; customers see none here. */
function conversation(rest: string, body?: object, expected: Expected = whoAnswers) {
  const send = ({ id }: Target): Sent => ({
    at: `${admin}/conversations/${id}${rest}`,
    ...(body !== undefined && { body }),
  });
  const everybodys = { own: expected, others: expected, missing: none, send, changes: true };
  const objects: NamedObject[] = [
    { kind: 'conversation', where: 'in the address', ...everybodys },
    { kind: 'session key', where: 'in the address, by its key', ...everybodys },
  ];
  const more: More = {
    issuer,
    at: `${admin}/conversations/999999${rest}`,
    ...(body !== undefined && { body: () => body }),
  };
  return always(none, objects, more);
}

const note = { content: 'Matrix' };
const tags = { tags: ['matrix'] };

/** What agents and administrators see and do. */
export const deskMatrix: Matrix = {
  'GET /api/v1/admin/conversations': always(
    whoAnswers,
    [{ kind: 'everybody’s list', at: `${admin}/conversations?limit=100`, shows: 'id' }],
    { issuer },
  ),
  'GET /api/v1/admin/conversations/:id': conversation(''),
  'GET /api/v1/admin/conversations/:id/messages': conversation('/messages'),
  'GET /api/v1/admin/conversations/:id/messages/:message_id': {
    ...conversation('/messages/msg_1'),
    objects: [
      {
        kind: 'conversation',
        where: 'in the address, with its answer',
        own: whoAnswers,
        others: whoAnswers,
        missing: none,
        send: ({ id, turnId }) => ({ at: `${admin}/conversations/${id}/messages/msg_${turnId}` }),
      },
    ],
  },
  'PATCH /api/v1/admin/conversations/:id': conversation('', { priority: 'high' }),
  'POST /api/v1/admin/conversations/:id/assign': conversation('/assign', {}),
  'GET /api/v1/admin/conversations/:id/tags': conversation('/tags'),
  'PUT /api/v1/admin/conversations/:id/tags': conversation('/tags', tags),
  'GET /api/v1/admin/conversations/:id/notes': conversation('/notes'),
  'POST /api/v1/admin/conversations/:id/notes': conversation('/notes', note, answered(whoAnswers, 201)),
  'POST /api/v1/admin/conversations/:id/suggestions': conversation('/suggestions'),
  'GET /api/v1/admin/conversations/:id/export': conversation('/export'),
  'GET /api/v1/admin/customers': always(
    whoAnswers,
    [{ kind: 'everybody’s list', at: `${admin}/customers?search=victim`, shows: 'owner' }],
    { issuer },
  ),
  'GET /api/v1/admin/customers/:id': always(
    none,
    [
      {
        kind: 'customer',
        where: 'in the address',
        own: whoAnswers,
        others: whoAnswers,
        missing: none,
        send: ({ id }) => ({ at: `${admin}/customers/${id}` }),
      },
    ],
    { issuer, at: `${admin}/customers/999999` },
  ),
  'GET /api/v1/admin/analytics/dashboard': always(
    whoAnswers,
    [{ kind: 'figures', at: `${admin}/analytics/dashboard` }],
    { issuer },
  ),
  'GET /api/v1/admin/search': always(
    whoAnswers,
    [{ kind: 'everybody’s list', at: `${admin}/search?q=quincunx`, shows: 'word' }],
    { issuer, at: `${admin}/search?q=hello` },
  ),
  'GET /api/v1/admin/canned-replies': always(whoAnswers, 'none', { issuer }),
  'GET /api/v1/admin/agents': always(whoAnswers, 'none', { issuer }),
  'GET /api/v1/admin/knowledge': always(whoAnswers, 'none', { issuer }),
  'GET /api/v1/admin/knowledge/search': always(whoAnswers, 'none', {
    issuer,
    at: `${admin}/knowledge/search?q=Parley`,
  }),
  'GET /api/v1/admin/knowledge/:id': always(
    none,
    [
      {
        kind: 'article',
        where: 'in the address',
        own: whoAnswers,
        others: whoAnswers,
        missing: none,
        send: ({ id }) => ({ at: `${admin}/knowledge/${id}` }),
      },
    ],
    { issuer, at: `${admin}/knowledge/999999` },
  ),
};
