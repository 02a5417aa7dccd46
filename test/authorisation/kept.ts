import assert from 'node:assert/strict';
import type { StaffCaller } from '../../src/core/identity/caller.ts';
import { makeAccount } from '../support/accounts.ts';
import { eventually } from '../support/eventually.ts';
import type { Parley } from '../support/parley.ts';
import type { Kept, Target } from './entry.ts';
import type { Secrets } from './secrets.ts';

/** What is kept for all, made where there is none any more. */
export interface Things {
  existing(kind: Kept): Promise<Target>;
  /** What was never there, or is something else's. */
  missing(kind: Kept): Promise<Target[]>;
}

export const isKept = (kind: string): kind is Kept => kinds.has(kind);
const kinds = new Set<string>([
  'API key',
  'account',
  'agent',
  'article',
  'canned reply',
  'customer',
  'delivery',
  'webhook',
] satisfies Kept[]);

const never = 987_654_321;
const target = (id: number, parent?: number): Target => ({
  id,
  turnId: 0,
  ...(parent !== undefined && { parent }),
});

/** Nobody listens there. */
const url = 'http://127.0.0.1:9/';

export function createThings(parley: Parley, administrator: StaffCaller, secrets: Secrets): Things {
  const { core } = parley.app;
  const makers = makersOf(parley, administrator, secrets);
  const known = new Map<Kept, Target>();
  const isThere: Record<Kept, (id: number) => Promise<unknown>> = {
    'API key': async (id) => {
      const key = (await core.apiKeys.list()).find((each) => each.id === id);
      assert.equal(key?.revokedAt, null);
    },
    account: async (id) => assert.ok(await core.accounts.get(id)),
    agent: async () => {},
    article: (id) => core.articles.get(id),
    'canned reply': async (id) => {
      const { replies } = await core.cannedReplies.list(administrator, undefined, { skip: 0, limit: 1000 });
      assert.ok(replies.some((each) => each.id === id));
    },
    customer: async () => {},
    delivery: async () => {},
    webhook: (id) => core.webhooks.get(id),
  };
  const existing: Things['existing'] = async (kind) => {
    const before = known.get(kind);
    if (before !== undefined) {
      const stays = await isThere[kind](Number(before.id)).then(
        () => true,
        () => false,
      );
      if (stays) return before;
    }
    const made = await makers[kind]();
    known.set(kind, made);
    return made;
  };
  return {
    existing,
    async missing(kind) {
      if (kind === 'agent') {
        const user = await core.accounts.find('user@example.com');
        return [target(never), target(user?.id ?? 0)];
      }
      if (kind !== 'delivery') return [target(never)];
      const [delivery, webhook] = [await existing('delivery'), await existing('webhook')];
      return [target(never, delivery.parent), target(Number(delivery.id), Number(webhook.id))];
    },
  };
}

function makersOf(
  parley: Parley,
  administrator: StaffCaller,
  secrets: Secrets,
): Record<Kept, () => Promise<Target>> {
  const { core } = parley.app;
  let made = 0;
  const makeWebhook = async (event: 'note.created' | 'conversation.rated') => {
    const { webhook, secret } = await core.webhooks.create(administrator, { url, events: [event] });
    secrets.add('the secret of a webhook', secret ?? '');
    return webhook.id;
  };
  return {
    async 'API key'() {
      const limits = { expiresAt: null, requestsPerMinute: null };
      const key = await core.apiKeys.create({ name: 'target', scopes: ['completions'], ...limits });
      secrets.add('an API key', key.secret);
      return target(key.id);
    },
    account: async () => target((await makeAccount(parley, `target-${++made}`)).id),
    async agent() {
      const account = await core.accounts.find('agent@example.com');
      return target(account?.id ?? 0);
    },
    async article() {
      const fields = { title: 'Target', language: null, tags: [], content: 'Nothing.' };
      return target((await core.articles.create(administrator, fields)).id);
    },
    async 'canned reply'() {
      const fields = { shortcut: `target-${++made}`, title: 'Target', content: 'Hello' };
      return target((await core.cannedReplies.create(administrator, fields)).id);
    },
    async customer() {
      const { customers } = await core.desk.customers(administrator, 'victim', { skip: 0, limit: 1 });
      return target(customers[0]?.id ?? 0);
    },
    async delivery() {
      const webhook = await makeWebhook('conversation.rated');
      const { id, key } = await core.conversations.begin(
        { kind: 'anonymous', ip: '' },
        { contract: 'helpdesk' },
      );
      const guest = await core.conversations.asGuest('', key);
      assert.ok(guest !== undefined);
      await core.conversations.rate(guest, id, { score: 5 });
      const delivery = await eventually(async () => {
        const { deliveries } = await core.webhooks.deliveries(webhook, { skip: 0, limit: 1 });
        return deliveries[0];
      });
      return target(delivery.id, webhook);
    },
    webhook: async () => target(await makeWebhook('note.created')),
  };
}
