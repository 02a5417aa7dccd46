import { LRUCache } from 'lru-cache';
import type { Conversation, Conversations } from '../../storage/conversations.ts';
import type { NoteRow, Notes } from '../../storage/notes.ts';
import { noSuchConversation } from '../conversations/own.ts';
import type { Users } from '../../storage/users.ts';
import type { StaffCaller } from '../identity/caller.ts';
import type { Feed, FeedItem } from '../realtime/feed.ts';
import { createStaffFeed, type StaffWatcher } from '../realtime/staff-feed.ts';
import type { Desk, DeskConversation } from './desk.ts';
import type { StaffReceipts } from './receipts.ts';

/** A change as staff are told of it. One object for everybody who is told at the same time. */
export interface DeskChange extends FeedItem {
  /** The conversation's; null where there is none any more. */
  key: string | null;
  /** How the conversation is now, where it is new or who is in charge, or a label, has changed, or a message is gone. */
  conversation: DeskConversation | null;
  /** Of an event `noted`. */
  note: NoteRow | null;
  /** How the person who has answered is called. */
  sender: { id: number; name: string } | null;
}

export type DeskWatcher = StaffWatcher<DeskChange>;

/** What happens in all conversations, for staff. */
export interface DeskFeed {
  /** See `StaffFeed.watch`. */
  watch(
    caller: StaffCaller,
    cursor: number | undefined,
    watcher: DeskWatcher,
  ): Promise<{ from: number; stop: () => void }>;
  /** A conversation's key; undefined where there is no such conversation. */
  keyOf(conversationId: number): Promise<string | undefined>;
  /** Staff have read a customer's messages, up to one and with it. Throws `not_found`. */
  read(caller: StaffCaller, conversationId: number, upTo: number): Promise<void>;
}

export interface DeskFeedParts {
  feed: Pick<Feed, 'head' | 'watch'>;
  conversations: Pick<Conversations, 'find'>;
  notes: Pick<Notes, 'find'>;
  users: Pick<Users, 'namesOf'>;
  present: Desk['present'];
  receipts: StaffReceipts;
}

/** Keys never change, so that those of so many conversations are kept. */
const mostKeys = 20_000;

export function createDeskFeed(parts: DeskFeedParts): DeskFeed {
  const { feed, conversations, notes, users, present, receipts } = parts;
  const keys = new LRUCache<number, string>({ max: mostKeys });
  const find = async (id: number): Promise<Conversation | undefined> => {
    const found = await conversations.find(id);
    if (found !== undefined) keys.set(id, found.key);
    return found;
  };
  const keyOf = async (id: number) => keys.get(id) ?? (await find(id))?.key;

  const senderOf = async ({ message }: FeedItem): Promise<DeskChange['sender']> => {
    const id = message?.senderId ?? null;
    return id === null ? null : { id, name: (await users.namesOf([id])).get(id) ?? '' };
  };
  const prepare = async (item: FeedItem): Promise<DeskChange> => {
    const found = mayShowConversation(item) ? await find(item.conversationId) : undefined;
    const shown = found !== undefined && showsConversation(item, found) ? await present(found) : null;
    const noteId = item.type === 'noted' ? item.data?.['noteId'] : undefined;
    return {
      ...item,
      key: (await keyOf(item.conversationId)) ?? null,
      conversation: shown,
      sender: await senderOf(item),
      note: typeof noteId === 'number' ? ((await notes.find(noteId)) ?? null) : null,
    };
  };
  const staff = createStaffFeed<DeskChange>({
    feed,
    prepare: (items) => Promise.all(items.map(prepare)),
    afterTelling: receipts.deliver,
  });
  return {
    watch: (_caller, cursor, watcher) => staff.watch(cursor, watcher),
    keyOf,
    async read(_caller, conversationId, upTo) {
      const found = await find(conversationId);
      if (found === undefined) throw noSuchConversation();
      await receipts.acknowledge({ conversationId, userId: found.userId, upTo, receipt: 'read' });
    },
  };
}

/** Whether the list of conversations may look different after it, beyond a message that came last. */
function mayShowConversation({ type, message }: FeedItem): boolean {
  if (type === 'begun' || type === 'status' || type === 'message_removed') return true;
  // The first may have been removed since.
  return type === 'asked' && (message?.place ?? 1) === 1;
}

/** A conversation that began with its first message is new with it; one that began before was shown then. */
function showsConversation({ type, at }: FeedItem, { createdAt }: Conversation): boolean {
  return type !== 'asked' || at === createdAt;
}
