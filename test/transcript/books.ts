import type {
  ConversationsTable,
  FeedTable,
  MessagesTable,
  NotesTable,
  RatingsTable,
} from '../../src/storage/schema.ts';
import type { StatusChange } from '../../src/storage/feed.ts';
import { openRows } from '../support/rows.ts';
import { messageLine, noteLine, ratingLine, statusLine } from './transcript.ts';

/** A row as it is stored. */
type Row<Table> = {
  [Column in keyof Table]: Table[Column] extends { __select__: infer T } ? T : Table[Column];
};

/** What the database says of a session. */
export interface Book {
  /** What happened, in its order. */
  lines: string[];
  /** Messages as they stand in the conversation. */
  messages: string[];
  labels: Labels;
}

/** How a conversation is in the end. */
export interface Labels {
  priority: string;
  tags: string[];
  assignee: string | null;
  status: string;
}

/** Reads the database of servers that have ended. */
export async function readBook(database: string, sessionId: string): Promise<Book> {
  const { all, close } = await openRows(database);
  try {
    const key = sessionId.slice('sess_'.length);
    const [conversation] = await all<Row<ConversationsTable>>(
      'SELECT * FROM conversations WHERE key = ?',
      key,
    );
    if (conversation === undefined) throw new Error(`the database knows nothing of ${sessionId}`);
    const { id } = conversation;
    const of = <T>(table: string, order: string) =>
      all<T>(`SELECT * FROM ${table} WHERE conversation_id = ? ORDER BY ${order}`, id);
    const names = new Map(
      (await all<{ id: number; name: string }>('SELECT id, full_name AS name FROM users')).map((row) => [
        row.id,
        row.name,
      ]),
    );
    const messages = (await of<Row<MessagesTable>>('messages', 'place')).filter(
      ({ content }) => content !== '',
    );
    const texts = new Map(messages.map((row) => [row.id, lineOf(row, names)]));
    const notes = new Map(
      (await of<Row<NotesTable>>('notes', 'id')).map((row) => [
        row.id,
        noteLine(row.id, names.get(row.author_id) ?? '', row.content),
      ]),
    );
    const [rating] = await of<Row<RatingsTable>>('ratings', 'created_at');
    const lines = (await of<Row<FeedTable>>('feed', 'cursor')).flatMap((event) =>
      happened(event, { texts, notes, rating: rating?.score ?? 0 }),
    );
    const { priority, tags, assignee_id: assignee, status } = conversation;
    return {
      lines,
      messages: [...texts.values()],
      labels: {
        priority,
        tags: JSON.parse(tags) as string[],
        assignee: assignee === null ? null : (names.get(assignee) ?? ''),
        status,
      },
    };
  } finally {
    await close();
  }
}

function lineOf(row: Row<MessagesTable>, names: ReadonlyMap<number, string>): string {
  const { id, sender_type: sender, sender_id: senderId, state, content } = row;
  const name = senderId === null ? null : (names.get(senderId) ?? '');
  return messageLine({ id: `msg_${id}`, sender, name, status: state, content });
}

/** What an event is, in the words of a transcript. */
function happened(
  { type, message_id: id, data }: Row<FeedTable>,
  told: { texts: ReadonlyMap<number, string>; notes: ReadonlyMap<number, string>; rating: number },
): string[] {
  const details = data === null ? {} : (JSON.parse(data) as Record<string, unknown>);
  switch (type) {
    case 'asked':
    case 'answered':
    case 'replied': {
      const line = told.texts.get(id ?? 0);
      return line === undefined ? [] : [line];
    }
    case 'status': {
      const { agentType, status, assigneeName, cause } = details as unknown as StatusChange;
      if (cause === 'priority' || cause === 'tags') return [];
      return [statusLine(agentType, status === 'open' ? 'active' : status, assigneeName)];
    }
    case 'noted':
      return [told.notes.get(Number(details['noteId'])) ?? 'a note that is not there'];
    case 'rated':
      return [ratingLine(told.rating)];
    default:
      return [];
  }
}
