import type { Conversation, ListedConversation } from '../../storage/conversations.ts';
import type { Customer, Customers } from '../../storage/customers.ts';
import type { DeskDetails } from '../../storage/desk-details.ts';
import type { Users } from '../../storage/users.ts';
import type { DeskConversation } from './desk.ts';

export interface PresentParts {
  customers: Pick<Customers, 'findMany'>;
  details: DeskDetails;
  users: Pick<Users, 'namesOf'>;
}

/** Conversations as staff see them: four reads for a page, however long it is. */
export async function presentAll(
  { customers, details, users }: PresentParts,
  conversations: readonly (ListedConversation | Conversation)[],
): Promise<DeskConversation[]> {
  const ids = conversations.map(({ id }) => id);
  const [known, names, last, scores] = await Promise.all([
    customers.findMany([...new Set(conversations.map(({ customerId }) => customerId))]),
    users.namesOf(conversations.flatMap(({ assigneeId }) => assigneeId ?? [])),
    details.lastMessagesOf(ids),
    details.scoresOf(ids),
  ]);
  return conversations.map((conversation) => {
    const { id, customerId, assigneeId } = conversation;
    return {
      ...listed(conversation),
      customer: known.get(customerId) ?? unknownCustomer(conversation),
      assignee: assigneeId === null ? null : { id: assigneeId, name: names.get(assigneeId) ?? '' },
      lastMessage: last.get(id) ?? null,
      rating: scores.get(id) ?? null,
    };
  });
}

/** Without what may be long. */
function listed(conversation: ListedConversation | Conversation): ListedConversation {
  const { systemPrompt: _prompt, metadata: _metadata, ...rest } = conversation as Conversation;
  return rest;
}

/** Of a conversation that was removed while it was read. */
function unknownCustomer({ customerId, userId, createdAt }: ListedConversation): Customer {
  return {
    id: customerId,
    userId,
    guestId: null,
    name: '',
    email: null,
    conversationCount: 0,
    firstSeenAt: createdAt,
    lastSeenAt: createdAt,
  };
}
