import { compileAudit } from './audit-log.ts';
import type { NewAuditEntry } from './audit-log.ts';
import type { Page } from './conversations.ts';
import type { Database } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { agentName } from './shown-name.ts';
import { compileEvent } from './feed.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';
import type { Ids } from './ids.ts';
import { accepted } from './storage-error.ts';

/** What an agent writes for the others. `id` comes from `Notes.nextId`. */
export interface NewNote {
  id: number;
  conversationId: number;
  authorId: number;
  content: string;
  at: number;
}

/** A note as it is read. Times are milliseconds since the epoch. */
export interface NoteRow {
  id: number;
  conversationId: number;
  authorId: number;
  /** As it is now; empty where there is no such account any more. */
  authorName: string;
  content: string;
  createdAt: number;
}

/** Notes among agents. They go with their conversation. */
export interface Notes {
  /** An id that no other note has or had. */
  nextId(): Promise<number>;
  find(id: number): Promise<NoteRow | undefined>;
  /** One unit: the note, an event `noted` with `{noteId}` that belongs to no user, the claim, the audit entry. False where there is no such conversation. */
  add(note: NewNote, claim?: Claim, audit?: NewAuditEntry): Promise<boolean>;
  /** Oldest first. */
  listOf(conversationId: number, page: Page): Promise<{ notes: NoteRow[]; total: number }>;
}

/** Notes kept in `database`. */
export function createNotes(database: Database, queries: Queries, ids: Ids): Notes {
  const claiming = compileClaim(queries);
  const auditing = compileAudit(queries);
  const event = compileEvent(queries);
  const insert = compileInsert(queries);
  const { byId, page, count } = compileSelects(queries);
  return {
    nextId: () => ids.nextNote(),
    async find(id) {
      const [row] = await database.read(withValues(byId, [id]));
      return row && { ...row };
    },
    add({ id, conversationId, authorId, content, at }, claim, audit) {
      const data = { noteId: id };
      return accepted(
        database.write([
          ...claiming(claim, at),
          withValues(insert, [id, authorId, at, content, conversationId]),
          event({ conversationId, userId: null, type: 'noted', messageId: null, at, data }),
          ...auditing(audit),
        ]),
      );
    },
    async listOf(conversationId, { skip, limit }) {
      const [rows, [counted]] = await Promise.all([
        database.read(withValues(page, [conversationId, limit, skip])),
        database.read(withValues(count, [conversationId])),
      ]);
      return { notes: rows.map((row) => ({ ...row })), total: counted?.total ?? 0 };
    },
  };
}

/** Inserts nothing where there is no such conversation. */
function compileInsert(queries: Queries) {
  const row = queries
    .selectFrom('conversations')
    .select(({ val }) => [
      val(0).as('note_id'),
      'id',
      val(0).as('author_id'),
      val(0).as('created_at'),
      val('').as('content'),
    ])
    .where('id', '=', 0);
  return compileStatement(
    queries
      .insertInto('notes')
      .columns(['id', 'conversation_id', 'author_id', 'created_at', 'content'])
      .expression(row),
    1,
  );
}

function compileSelects(queries: Queries) {
  const select = queries
    .selectFrom('notes')
    .leftJoin('users', 'users.id', 'notes.author_id')
    .select([
      'notes.id',
      'notes.conversation_id as conversationId',
      'notes.author_id as authorId',
      agentName('users').as('authorName'),
      'notes.content',
      'notes.created_at as createdAt',
    ]);
  const ofConversation = select.where('notes.conversation_id', '=', 0).orderBy('notes.id');
  return {
    byId: compileQuery(select.where('notes.id', '=', 0)),
    page: compileQuery(ofConversation.limit(0).offset(0)),
    count: compileQuery(
      queries
        .selectFrom('notes')
        .select(({ fn }) => fn.countAll<number>().as('total'))
        .where('conversation_id', '=', 0),
    ),
  };
}
