import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startHelpdesk, type Helpdesk } from '../../../test/support/desk.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { askHelpdesk, sendMessage, type Success } from '../../../test/support/helpdesk.ts';

type Page = Record<string, unknown> & { total: number; has_more: boolean };

/** Every list that is read page by page: where it is, how it is called, and how far back it goes. */
const lists: [path: string, name: string, furthest?: number][] = [
  ['/admin/conversations?', 'conversations'],
  ['/admin/conversations?status=pending&', 'conversations'],
  ['/admin/conversations/:id/messages?', 'messages'],
  ['/admin/conversations/:id/notes?', 'notes'],
  ['/admin/customers?', 'customers'],
  ['/admin/customers?search=guest_&', 'customers'],
  ['/admin/users?', 'users'],
  ['/admin/canned-replies?', 'canned_replies'],
  ['/admin/canned-replies?search=hello&', 'canned_replies'],
  ['/admin/knowledge?', 'articles'],
  ['/admin/search?q=hello&', 'results'],
  ['/admin/audit-log?action=note.create&', 'entries', 10_000],
  ['/admin/webhooks/:webhook/deliveries?', 'deliveries', 10_000],
  ['/chat/sessions/:session/messages?', 'messages'],
];

describe('helpdesk: every list', () => {
  let helpdesk: Helpdesk;
  let named: Record<string, string>;
  const read = async (path: string): Promise<Page> => {
    const at = path.replace(/:(\w+)/gu, (_, name: string) => named[name] ?? '');
    const answer = await askHelpdesk<Success<Page>>(
      helpdesk.parley,
      'GET',
      at,
      undefined,
      at.startsWith('/chat') ? {} : helpdesk.boss.headers,
    );
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body.data;
  };

  before(async () => {
    const yaml = { webhooks: { allow_http: true, allow_private_addresses: '127.0.0.1' } };
    helpdesk = await startHelpdesk({ yaml });
    const { parley, boss } = helpdesk;
    const hook = { url: 'http://127.0.0.1:9/', events: ['note.created'] };
    const { id: webhook } = await boss.ask('POST', '/webhooks', hook);
    const { id, session } = await helpdesk.waiting('guest_0', 'Hello 0');
    named = { id: String(id), session: session.session_id, webhook: String(webhook) };
    for (const number of [1, 2]) {
      await helpdesk.waiting(`guest_${number}`, 'Another hello');
      await sendMessage(parley, session.session_id, `Hello ${number}`);
    }
    for (const number of [0, 1, 2]) {
      await boss.ask('POST', `/conversations/${id}/notes`, { content: `Note ${number}` });
      const reply = { shortcut: `hi${number}`, title: 'Hello', content: 'Hello there.' };
      await boss.ask('POST', '/canned-replies', reply);
      await boss.ask('POST', '/knowledge', { title: `Article ${number}`, content: 'Some text.' });
    }
    await eventually(async () => {
      const { total } = await read('/admin/webhooks/:webhook/deliveries?');
      return total === 3 || undefined;
    });
  });
  after(() => helpdesk.parley.close());

  for (const [path, name, furthest = Number.MAX_SAFE_INTEGER] of lists) {
    test(`${path.slice(0, -1)} is the same page by page, and says how much there is`, async () => {
      const idsIn = (page: Page) => (page[name] as { id?: number; message?: { id: number } }[]).map(idOf);
      const whole = await read(`${path}limit=100`);
      const ids = idsIn(whole);
      assert.ok(ids.length >= 3, `there are ${ids.length}`);
      assert.deepEqual([whole.total, whole.has_more], [ids.length, false]);
      for (const [at, id] of ids.entries()) {
        const page = await read(`${path}limit=1&offset=${at}`);
        assert.deepEqual([idsIn(page), page.total, page.has_more], [[id], ids.length, at + 1 < ids.length]);
      }
      for (const offset of [ids.length, furthest]) {
        const beyond = await read(`${path}offset=${offset}`);
        assert.deepEqual([idsIn(beyond), beyond.total, beyond.has_more], [[], ids.length, false]);
      }
    });
  }

  for (const [path, name] of [
    ['/admin/api-keys', 'api_keys'],
    ['/admin/agents', 'agents'],
    ['/admin/webhooks', 'webhooks'],
  ] as const) {
    test(`${path} is short: it comes whole`, async () => {
      await helpdesk.boss.ask('POST', '/api-keys', { name: 'Shop', scopes: ['cache'] });
      const { [name]: shown, total, has_more } = await read(path);
      assert.ok(total > 0);
      assert.deepEqual([(shown as unknown[]).length, has_more], [total, false]);
    });
  }
});

function idOf({ id, message }: { id?: number; message?: { id: number } }): number | undefined {
  return id ?? message?.id;
}
