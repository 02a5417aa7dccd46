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
  const [known, last, scores] = await Promise.all([
    customers.findMany([...new Set(conversations.map(({ customerId }) => customerId))]),
    details.lastMessagesOf(ids),
    details.scoresOf(ids),
  ]);
  const people = [
    ...conversations.map(({ assigneeId }) => assigneeId),
    ...[...last.values()].map(({ senderId }) => senderId),
  ];
  const names = await users.namesOf(people.filter((id) => id !== null));
  const person = (id: number | null | undefined) =>
    typeof id === 'number' ? { id, name: names.get(id) ?? '' } : null;
  return conversations.map((conversation) => {
    const { id, customerId, assigneeId } = conversation;
    const lastMessage = last.get(id) ?? null;
    return {
      ...listed(conversation),
      customer: known.get(customerId) ?? unknownCustomer(conversation),
      assignee: person(assigneeId),
      lastMessage,
      lastSender: person(lastMessage?.senderId),
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
