import type { Conversations as ConversationRows } from '../../storage/conversations.ts';
import type { Feed, StatusChange } from '../../storage/feed.ts';
import type { Message, Messages } from '../../storage/messages.ts';
import type { Notes as NoteRows } from '../../storage/notes.ts';
import type { Users } from '../../storage/users.ts';
import type { AuditLog } from '../audit.ts';
import { noSuchConversation } from '../conversations/own.ts';
import type { StaffCaller } from '../identity/caller.ts';
import type { Desk, DeskConversation, Note } from './desk.ts';

export interface ExportedMessage extends Message {
  /** The customer's or the agent's name; null for the AI. */
  senderName: string | null;
}

/** A change of who is in charge, the status, the priority or the tags; `actorName` is null for Parley and guests. */
export type ExportedChange = StatusChange & { at: number; actorName: string | null };

/** A conversation with everything about it, page by page, so that no length of it fills the memory. */
export interface ConversationExport {
  conversation: DeskConversation;
  systemPrompt: string | null;
  metadata: Record<string, unknown> | null;
  /** Oldest first, here and below. */
  messages(): AsyncGenerator<ExportedMessage[]>;
  notes(): AsyncGenerator<Note[]>;
  /** As far back as changes are kept for those who watch. */
  changes(): AsyncGenerator<ExportedChange[]>;
}

export interface Exports {
  /** Throws `not_found`. That it was asked for is in the audit log, with the format. */
  open(caller: StaffCaller, conversationId: number, format: string): Promise<ConversationExport>;
}

export interface ExportsParts {
  conversations: Pick<ConversationRows, 'find'>;
  messages: Pick<Messages, 'listOf'>;
  notes: Pick<NoteRows, 'listOf'>;
  users: Pick<Users, 'namesOf'>;
  feed: Pick<Feed, 'after'>;
  auditLog: Pick<AuditLog, 'add'>;
  desk: Pick<Desk, 'present'>;
}

const pageSize = 200;

export function createExports(parts: ExportsParts): Exports {
  return {
    async open(caller, id, format) {
      const found = await parts.conversations.find(id);
      if (found === undefined) throw noSuchConversation();
      const conversation = await parts.desk.present(found);
      await parts.auditLog.add(caller, 'conversation.export', { type: 'conversation', id }, { format });
      const { systemPrompt, metadata } = found;
      return {
        conversation,
        systemPrompt,
        metadata,
        messages: () => messagesOf(parts, conversation),
        notes: () => notesOf(parts, id),
        changes: () => changesOf(parts, id),
      };
    },
  };
}

async function* messagesOf(
  { messages, users }: ExportsParts,
  { id, customer }: DeskConversation,
): AsyncGenerator<ExportedMessage[]> {
  for (let skip = 0; ; skip += pageSize) {
    const page = await messages.listOf(id, { skip, limit: pageSize });
    const names = await users.namesOf(page.flatMap(({ senderId }) => senderId ?? []));
    yield page.map((message) => {
      const { senderType, senderId } = message;
      const agentName = senderId === null ? null : (names.get(senderId) ?? null);
      return { ...message, senderName: senderType === 'user' ? customer.name : agentName };
    });
    if (page.length < pageSize) return;
  }
}

async function* notesOf({ notes }: ExportsParts, id: number): AsyncGenerator<Note[]> {
  for (let skip = 0; ; skip += pageSize) {
    const { notes: page } = await notes.listOf(id, { skip, limit: pageSize });
    yield page.map(({ authorId, authorName, ...row }) => ({
      ...row,
      author: { id: authorId, name: authorName },
    }));
    if (page.length < pageSize) return;
  }
}

async function* changesOf({ feed, users }: ExportsParts, id: number): AsyncGenerator<ExportedChange[]> {
  let cursor = 0;
  for (;;) {
    const page = await feed.after({ conversationId: id }, cursor, pageSize);
    const changes = page.flatMap(({ type, at, data }) =>
      type === 'status' ? { ...(data as unknown as StatusChange), at } : [],
    );
    const names = await users.namesOf(changes.flatMap(({ actorId }) => actorId ?? []));
    yield changes.map((change) => ({
      ...change,
      actorName: change.actorId === null ? null : (names.get(change.actorId) ?? null),
    }));
    cursor = page.at(-1)?.cursor ?? cursor;
    if (page.length < pageSize) return;
  }
}
