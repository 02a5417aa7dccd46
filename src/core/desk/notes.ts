import type { Page, Conversations as ConversationRows } from '../../storage/conversations.ts';
import type { Notes as NoteRows, NoteRow } from '../../storage/notes.ts';
import { auditEntry } from '../audit.ts';
import { noSuchConversation } from '../conversations/own.ts';
import { invalidField, ParleyError } from '../errors.ts';
import type { Idempotency, IdempotentWrites } from '../idempotency.ts';
import { ownerOf, type StaffCaller } from '../identity/caller.ts';
import type { Feed } from '../realtime/feed.ts';
import type { Runtime } from '../runtime.ts';
import type { Note } from './desk.ts';

/** What agents write for one another about a conversation; its customer never sees it. */
export interface Notes {
  /** Throws `not_found`, and `invalid_request` unless the content has 1 to 10,000 characters. */
  add(caller: StaffCaller, conversationId: number, content: string, idempotency?: Idempotency): Promise<Note>;
  /** Oldest first. Throws `not_found`. */
  list(caller: StaffCaller, conversationId: number, page: Page): Promise<{ notes: Note[]; total: number }>;
}

export interface NotesParts {
  rows: NoteRows;
  conversations: Pick<ConversationRows, 'find'>;
  idempotency: Pick<IdempotentWrites, 'once'>;
  runtime: Pick<Runtime, 'now'>;
  wake: Feed['wake'];
}

const mostCharacters = 10_000;

export function createNotes({ rows, conversations, idempotency, runtime, wake }: NotesParts): Notes {
  const written = async (id: number): Promise<Note> => {
    const row = await rows.find(id);
    if (row === undefined) throw new ParleyError('not_found', 'There is no such note any more.');
    return noteOf(row);
  };
  return {
    async add(caller, conversationId, content, key) {
      const text = textFrom(content);
      // The claim shares this object: the id is filled in where nothing stands in the way.
      const made = { noteId: 0 };
      const write = async (claim: Parameters<typeof rows.add>[1]) => {
        made.noteId = await rows.nextId();
        const at = runtime.now();
        const note = { id: made.noteId, conversationId, authorId: caller.userId, content: text, at };
        const target = { type: 'conversation', id: conversationId };
        const audit = auditEntry(caller, at, 'note.create', target, { ...made });
        if (!(await rows.add(note, claim, audit))) throw noSuchConversation();
        wake(conversationId, null);
        return written(made.noteId);
      };
      return idempotency.once(ownerOf(caller), key, made, write, (earlier) =>
        written((earlier as typeof made).noteId),
      );
    },
    async list(_caller, conversationId, page) {
      if ((await conversations.find(conversationId)) === undefined) throw noSuchConversation();
      const { notes, total } = await rows.listOf(conversationId, page);
      return { notes: notes.map(noteOf), total };
    },
  };
}

function textFrom(content: string): string {
  const text = content.trim().toWellFormed();
  if (/^[^]{1,10000}$/u.test(text)) return text;
  throw invalidField('content', { kind: 'length', min: 1, max: mostCharacters });
}

function noteOf({ authorId, authorName, ...row }: NoteRow): Note {
  return { ...row, author: { id: authorId, name: authorName } };
}
