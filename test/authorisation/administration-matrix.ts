import { password } from '../support/accounts.ts';
import { always, type Matrix } from './entries.ts';
import type { Kept, Sent, Target } from './entry.ts';
import { answered, whoAdministers } from './expected.ts';

const admin = '/api/v1/admin';
const issuer = 'helpdesk';
const none = answered(whoAdministers, 404);
let made = 0;

const nothing = () => always(whoAdministers, 'none', { issuer });
const change = (body: () => object, status = 200) =>
  always(answered(whoAdministers, status), 'none', { issuer, body });

/** What administrators keep, by its number. */
function kept(kind: Kept, address: (id: number | string, parent: number) => string, body?: object) {
  const send = ({ id, parent = 0 }: Target): Sent => ({
    at: `${admin}${address(id, parent)}`,
    ...(body !== undefined && { body }),
  });
  const object = { own: whoAdministers, others: whoAdministers, missing: none, send };
  return always(none, [{ kind, where: 'in the address', ...object }], {
    issuer,
    at: `${admin}${address(999_999, 999_999)}`,
    ...(body !== undefined && { body: () => body }),
  });
}

const account = () => ({ email: `made-${++made}@example.com`, full_name: 'Matrix', role: 'agent', password });
const webhook = { url: 'https://shop.example/hooks', events: ['note.created'], enabled: false };
const cannedReply = () => ({ shortcut: `matrix-${++made}`, title: 'Matrix', content: 'Hello' });

/** What only administrators may do. */
export const administrationMatrix: Matrix = {
  'GET /api/v1/admin/users': always(
    whoAdministers,
    [{ kind: 'everybody’s list', at: `${admin}/users?search=victim`, shows: 'owner' }],
    { issuer },
  ),
  'GET /api/v1/admin/users/:user_id': kept('account', (id) => `/users/${id}`),
  'POST /api/v1/admin/users': change(account, 201),
  'PUT /api/v1/admin/users/:user_id': kept('account', (id) => `/users/${id}`, { full_name: 'Matrix' }),
  'DELETE /api/v1/admin/users/:user_id': kept('account', (id) => `/users/${id}`),
  'GET /api/v1/admin/api-keys': nothing(),
  'POST /api/v1/admin/api-keys': change(() => ({ name: 'matrix', scopes: ['cache'] }), 201),
  'DELETE /api/v1/admin/api-keys/:id': kept('API key', (id) => `/api-keys/${id}`),
  'GET /api/v1/admin/maintenance': nothing(),
  'PUT /api/v1/admin/maintenance': change(() => ({ enabled: false })),
  'GET /api/v1/admin/audit-log': nothing(),
  'GET /api/v1/admin/webhooks': nothing(),
  'GET /api/v1/admin/webhooks/:id': kept('webhook', (id) => `/webhooks/${id}`),
  'POST /api/v1/admin/webhooks': change(() => webhook, 201),
  'POST /api/v1/admin/webhooks/:id/rotate-secret': kept('webhook', (id) => `/webhooks/${id}/rotate-secret`),
  'PUT /api/v1/admin/webhooks/:id': kept('webhook', (id) => `/webhooks/${id}`, { description: 'Matrix' }),
  'DELETE /api/v1/admin/webhooks/:id': kept('webhook', (id) => `/webhooks/${id}`),
  'POST /api/v1/admin/webhooks/:id/test': kept('webhook', (id) => `/webhooks/${id}/test`),
  'GET /api/v1/admin/webhooks/:id/deliveries': kept('webhook', (id) => `/webhooks/${id}/deliveries`),
  'POST /api/v1/admin/webhooks/:id/deliveries/:delivery_id/retry': kept(
    'delivery',
    (id, parent) => `/webhooks/${parent}/deliveries/${id}/retry`,
  ),
  'POST /api/v1/admin/knowledge': change(() => ({ title: 'Matrix', content: 'Nothing.' }), 201),
  'PUT /api/v1/admin/knowledge/:id': kept('article', (id) => `/knowledge/${id}`, { title: 'Matrix' }),
  'DELETE /api/v1/admin/knowledge/:id': kept('article', (id) => `/knowledge/${id}`),
  'POST /api/v1/admin/knowledge/import': change(() => ({
    documents: [{ name: 'matrix.md', content: '# Matrix\n\nNothing.' }],
  })),
  'POST /api/v1/admin/canned-replies': change(cannedReply, 201),
  'PUT /api/v1/admin/canned-replies/:id': kept('canned reply', (id) => `/canned-replies/${id}`, {
    title: 'Matrix',
  }),
  'DELETE /api/v1/admin/canned-replies/:id': kept('canned reply', (id) => `/canned-replies/${id}`),
  'PUT /api/v1/admin/agents/:id': kept('agent', (id) => `/agents/${id}`, { capacity: 3 }),
  'GET /api/v1/admin/settings': nothing(),
  'PUT /api/v1/admin/settings': change(() => ({ burst_ms: 0 })),
};
