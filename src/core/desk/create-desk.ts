import type { Conversation, Conversations as ConversationRows } from '../../storage/conversations.ts';
import type { Customers } from '../../storage/customers.ts';
import type { DeskLists } from '../../storage/desk-lists.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import type { Messages } from '../../storage/messages.ts';
import type { Ownership } from '../../storage/ownership.ts';
import { auditEntry } from '../audit.ts';
import { saysSomething, withText } from '../conversations/message-reads.ts';
import { noSuchConversation, noSuchMessage } from '../conversations/own.ts';
import { withMedia } from '../conversations/whole-message.ts';
import { invalidField, ParleyError } from '../errors.ts';
import type { IdempotentWrites } from '../idempotency.ts';
import { ownerOf } from '../identity/caller.ts';
import type { Feed } from '../realtime/feed.ts';
import type { Runtime } from '../runtime.ts';
import type { DayOf } from '../statistics/calendar.ts';
import { readDashboard } from './dashboard.ts';
import type { Desk } from './desk.ts';
import { priorityFrom, tagsFrom } from './labels.ts';
import { presentAll, type PresentParts } from './present-all.ts';
import { suggest, type SuggestParts } from './suggest.ts';

export interface DeskParts extends Omit<PresentParts, 'customers'>, SuggestParts {
  lists: DeskLists;
  customers: Customers;
  conversations: Pick<ConversationRows, 'find'>;
  messages: Pick<Messages, 'listOf' | 'find' | 'contextBefore' | 'mediaOf'>;
  ownership: Pick<Ownership, 'label'>;
  idempotency: Pick<IdempotentWrites, 'once'>;
  runtime: Pick<Runtime, 'now'>;
  dayOf: DayOf;
  wake: Feed['wake'];
  /** What a running answer has said so far. */
  textOf: (id: number) => Promise<string>;
}

export function createDesk(parts: DeskParts): Desk {
  const found = async (id: number): Promise<Conversation> => {
    const conversation = await parts.conversations.find(id);
    if (conversation === undefined) throw noSuchConversation();
    return conversation;
  };
  const present: Desk['present'] = async (conversation) => {
    const [presented] = await presentAll(parts, [conversation]);
    if (presented === undefined) throw noSuchConversation();
    return presented;
  };

  return {
    present,
    async list(_caller, filter, page) {
      const { conversations, total } = await parts.lists.conversations(filter, page);
      return { conversations: await presentAll(parts, conversations), total };
    },
    async get(_caller, id) {
      const conversation = await found(id);
      return { ...(await present(conversation)), metadata: conversation.metadata };
    },
    async messages(_caller, id, page) {
      const conversation = await found(id);
      const rows = (await parts.messages.listOf(id, page)).filter(saysSomething);
      return { conversation, messages: await Promise.all(rows.map((row) => withText(parts, row))) };
    },
    async message(_caller, id, messageId) {
      const conversation = await found(id);
      const row = await parts.messages.find(messageId);
      if (row?.conversationId !== id) throw noSuchMessage();
      const [message] = await withMedia(parts.messages, [await withText(parts, row)]);
      if (message === undefined) throw noSuchMessage();
      return { conversation, message };
    },
    customers: (_caller, search, page) => parts.customers.list(search, page),
    async customer(_caller, id) {
      const customer = await parts.customers.find(id);
      if (customer === undefined) throw new ParleyError('not_found', 'There is no such customer.');
      return customer;
    },
    dashboard: () => readDashboard(parts.lists, parts.dayOf, parts.runtime.now()),
    label: (...labelling) => label(parts, found, ...labelling),
    suggest: async (caller, id, request, signal) => suggest(parts, caller, await found(id), request, signal),
  };
}

async function label(
  { ownership, idempotency, runtime, wake }: DeskParts,
  found: (id: number) => Promise<Conversation>,
  ...[caller, id, labels, key]: Parameters<Desk['label']>
): Promise<Conversation> {
  if (labels.priority === undefined && labels.tags === undefined) {
    throw invalidField('body', { kind: 'nothing_to_change' });
  }
  const changed = {
    ...(labels.priority !== undefined && { priority: priorityFrom(labels.priority) }),
    ...(labels.tags !== undefined && { tags: tagsFrom(labels.tags) }),
  };
  const write = async (claim: Claim | undefined) => {
    const at = runtime.now();
    const audit = auditEntry(caller, at, 'conversation.label', { type: 'conversation', id }, changed);
    const labelling = { conversationId: id, ...changed, actorId: caller.userId, at };
    if (!(await ownership.label(labelling, claim, audit))) throw noSuchConversation();
    const conversation = await found(id);
    wake(id, conversation.userId);
    return conversation;
  };
  return idempotency.once(ownerOf(caller), key, { conversationId: id }, write, () => found(id));
}
