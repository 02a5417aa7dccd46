import type { Conversation, NewConversation } from '../../storage/conversations.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import type { NewCustomer } from '../../storage/customers.ts';
import { notForChat, unknownModel } from '../completions/refused-model.ts';
import { invalidField } from '../errors.ts';
import type { Idempotency } from '../idempotency.ts';
import { ownerOf, type Caller } from '../identity/caller.ts';
import type { ConversationsParts, ConversationStart } from './conversations.ts';
import { isRefused } from '../storage-failure.ts';
import { noSuchConversation } from './own.ts';
import { refuseOverQuota } from './quota.ts';
import { titleFrom } from './title.ts';

/** Bytes of `metadata` as JSON, at most. */
const mostMetadata = 8 * 1024;

/** See `Conversations.begin`. */
export async function begin(
  parts: ConversationsParts,
  caller: Caller,
  start: ConversationStart,
  idempotency: Idempotency | undefined,
): Promise<Conversation> {
  const { conversations, runtime } = parts;
  const customer = customerOf(parts, caller, start);
  const metadata = metadataFrom(start.metadata);
  const title = start.title === undefined ? '' : titleFrom(start.title);
  const model = start.model === undefined ? null : chatModelFrom(parts, start.model);
  const made = { conversationId: 0 };
  const found = async (id: number) => {
    const conversation = await conversations.find(id);
    if (conversation === undefined) throw noSuchConversation();
    return conversation;
  };
  return parts.idempotency.once(
    keyOwnerOf(caller),
    idempotency,
    made,
    async (claim) => {
      made.conversationId = await conversations.nextId();
      const at = runtime.now();
      const conversation: NewConversation = {
        id: made.conversationId,
        key: runtime.token(16),
        userId: caller.kind === 'user' ? caller.userId : null,
        customer,
        channel: start.contract,
        title,
        model,
        metadata,
        at,
        day: parts.dayOf(at),
        countedModel: model ?? parts.defaultModel(),
        mostOfUser: parts.conversationsPerUser,
      };
      await store(parts, caller, conversation, claim);
      parts.wake(conversation.id, conversation.userId);
      return found(conversation.id);
    },
    (earlier) => found((earlier as typeof made).conversationId),
  );
}

/** The store refuses what would be one too many: by then, others have begun. */
async function store(
  { conversations, conversationsPerUser }: ConversationsParts,
  caller: Caller,
  conversation: NewConversation,
  claim: Claim | undefined,
): Promise<void> {
  for (;;) {
    if (caller.kind === 'user') await refuseOverQuota(conversations, caller, conversationsPerUser);
    try {
      return await conversations.begin(conversation, claim);
    } catch (thrown) {
      if (!isRefused(thrown)) throw thrown;
    }
  }
}

/** All who are nobody share no keys but those of one address. */
function keyOwnerOf(caller: Caller): string {
  return caller.kind === 'anonymous' ? `anonymous:${caller.ip}` : ownerOf(caller);
}

function customerOf(
  { runtime }: ConversationsParts,
  caller: Caller,
  { guestId }: ConversationStart,
): NewCustomer {
  if (caller.kind === 'user') return { userId: caller.userId };
  if (guestId === undefined) return { guestId: `guest_${runtime.token(12)}` };
  // Characters, not code units.
  if (/^[^]{1,200}$/u.test(guestId)) return { guestId: guestId.toWellFormed() };
  throw invalidField('user_id', { kind: 'length', min: 1, max: 200 });
}

function metadataFrom(metadata: Record<string, unknown> | undefined): Record<string, unknown> | null {
  if (metadata === undefined) return null;
  if (Buffer.byteLength(JSON.stringify(metadata)) <= mostMetadata) return metadata;
  throw invalidField('metadata', { kind: 'size', max: mostMetadata });
}

function chatModelFrom({ catalogue }: ConversationsParts, id: string): string {
  const model = catalogue.get(id);
  if (model === undefined) throw unknownModel(id);
  if (!model.capabilities.includes('chat')) throw notForChat(model);
  return id;
}
