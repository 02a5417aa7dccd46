import type { Conversation, ListedConversation, Page, Priority } from '../../storage/conversations.ts';
import type { Customer } from '../../storage/customers.ts';
import type { ConversationFilter } from '../../storage/desk-lists.ts';
import type { Message, Citation } from '../../storage/messages.ts';
import type { WholeMessage } from '../conversations/conversations.ts';
import type { Idempotency } from '../idempotency.ts';
import type { StaffCaller } from '../identity/caller.ts';

export type { ConversationFilter } from '../../storage/desk-lists.ts';
export type { Customer } from '../../storage/customers.ts';

/** A conversation as staff see it. */
export interface DeskConversation extends ListedConversation {
  customer: Customer;
  /** Null where nobody is in charge. */
  assignee: { id: number; name: string } | null;
  /** The newest message that says something; null before the first. */
  lastMessage: Message | null;
  /** Of the newest message, where a person of the staff said it. */
  lastSender: { id: number; name: string } | null;
  /** The customer's rating, 1 to 5. */
  rating: number | null;
}

/** `today` and `thisWeek` (from Monday) are the server's days. */
export interface Dashboard {
  today: {
    /** Conversations that began today, of every contract; those of them that are neither resolved nor closed; that the AI alone has handled; that a person has. */
    conversations: number;
    active: number;
    aiHandled: number;
    humanHandled: number;
    /** Mean time from a customer's message to its answer, in seconds; 0 with none. */
    averageResponseSeconds: number;
  };
  thisWeek: {
    conversations: number;
    /** Mean of the ratings given, 1 to 5; 0 with none. */
    satisfaction: number;
    /** Resolved or closed, of those that began; 0 to 1. */
    resolutionRate: number;
  };
}

/** An answer that the AI proposes to an agent; nobody else sees it. */
export interface Suggestion {
  text: string;
  model: string;
  citations: Citation[] | null;
}

export interface Note {
  id: number;
  conversationId: number;
  author: { id: number; name: string };
  content: string;
  createdAt: number;
}

/** What staff do beside answering: see `Handoff` for who is in charge. Conversations of every contract. */
export interface Desk {
  list(
    caller: StaffCaller,
    filter: ConversationFilter,
    page: Page,
  ): Promise<{ conversations: DeskConversation[]; total: number }>;
  /** With what the guest's page said when the conversation began. Throws `not_found`. */
  get(
    caller: StaffCaller,
    id: number,
  ): Promise<DeskConversation & { metadata: Record<string, unknown> | null }>;
  /** As `list` shows it. */
  present(conversation: Conversation | ListedConversation): Promise<DeskConversation>;
  /** Oldest first, with the conversation. Answers that have ended without a word are left out: a page with such is shorter than its limit. */
  messages(
    caller: StaffCaller,
    id: number,
    page: Page,
  ): Promise<{ conversation: Conversation; messages: Message[] }>;
  /** One message with all that it consists of. Throws `not_found`. */
  message(
    caller: StaffCaller,
    id: number,
    messageId: number,
  ): Promise<{ conversation: Conversation; message: WholeMessage }>;
  customers(
    caller: StaffCaller,
    search: string | undefined,
    page: Page,
  ): Promise<{ customers: Customer[]; total: number }>;
  /** Throws `not_found`. */
  customer(caller: StaffCaller, id: number): Promise<Customer>;
  dashboard(caller: StaffCaller): Promise<Dashboard>;
  /** Throws `not_found`, `invalid_request`. Tags: up to 20, each 1 to 50 characters, none twice. */
  label(
    caller: StaffCaller,
    id: number,
    labels: { priority?: Priority | undefined; tags?: readonly string[] | undefined },
    idempotency?: Idempotency,
  ): Promise<Conversation>;
  /** What the AI would answer now. Nothing is stored but the call. Throws `not_found`, `conflict` where the customer has said nothing yet, and as `complete` does. */
  suggest(
    caller: StaffCaller,
    id: number,
    request: { requestId: string; endpoint: string },
    signal: AbortSignal,
  ): Promise<Suggestion>;
}
