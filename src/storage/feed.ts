import { sql } from 'kysely';
import type { Database, SqlValue, Statement } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';

/**
 * What happened: `begun` a conversation without a message; `asked` a customer's message, `data.turnId` the answer that is to come, or null
 * while a person is in charge; `answered` an answer of the AI's ended; `replied` a person's message; `status` who is in charge, the
 * status, priority or tags, `data` see `StatusChange`; `noted` a note among agents; `message_removed` a message is gone, and nothing else.
 */
export type FeedEventType =
  | 'begun'
  | 'asked'
  | 'answered'
  | 'replied'
  | 'status'
  | 'noted'
  | 'renamed'
  | 'removed'
  | 'message_removed'
  | 'rated'
  | 'receipt';

/** What an event `status` says: how things are after it. */
export interface StatusChange {
  status: string;
  agentType: string;
  assigneeId: number | null;
  /** The assignee's name. */
  assigneeName: string | null;
  /** The agent who had it until this change; null where it was taken from none. */
  formerAssigneeId: number | null;
  priority: string;
  tags: string[];
  /** What changed it: `switched`, `assigned`, `taken`, `status`, `reopened`, `handed_off`, `priority`, `tags` … */
  cause: string;
  /** Who changed it; null where it was Parley or a guest. */
  actorId: number | null;
  reason: string | null;
}

/** Something that changed in a conversation. */
export interface FeedEvent {
  /** Rises with every change, over all conversations. */
  cursor: number;
  conversationId: number;
  userId: number | null;
  type: FeedEventType;
  messageId: number | null;
  at: number;
  data: Record<string, unknown> | null;
}

/** Events that came one after the other. */
export interface FeedPage {
  /** Oldest first. */
  events: FeedEvent[];
  /** The cursor up to which nothing else lies in the scope: the next page begins after it. */
  upTo: number;
}

/** Whose events to read. */
export type FeedScope = { conversationId: number } | { userId: number } | 'everyone';

/** The record of changes. Events are written by the nouns that change something, in the same unit as the change. */
export interface Feed {
  /** The cursor of the last event; 0 where there was none. */
  head(): Promise<number>;
  /** What came after `cursor`, oldest first, `limit` at most. */
  after(scope: FeedScope, cursor: number, limit: number): Promise<FeedEvent[]>;
  /** `after`, and how far it has looked. */
  pageAfter(scope: FeedScope, cursor: number, limit: number): Promise<FeedPage>;
  /** The highest cursor that was forgotten: who is not beyond it may have missed something. 0 where nothing was forgotten. */
  forgotten(): Promise<number>;
  /** Forgets events from before `at`, the oldest first and some thousand at a time, up to the first that is to stay; resolves to how many. */
  removeBefore(at: number): Promise<number>;
}

/** Events that one `removeBefore` forgets at most. */
const forgottenAtOnce = 2000;

/** Events kept in `database`. */
export function createFeed(database: Database, queries: Queries): Feed {
  const { head, forgotten, forgettable } = compileEdges(queries);
  const ofConversation = compilePage(queries, 'conversation_id');
  const ofUser = compilePage(queries, 'user_id');
  const ofEveryone = compilePage(queries, 'everyone');
  const remove = compileStatement(queries.deleteFrom('feed').where('cursor', '<=', 0));
  const note = compileStatement(
    queries.updateTable('feed_forgotten').set({ cursor: 0 }).where('cursor', '<', 0),
  );

  const one = async (query: typeof head) => (await database.read(query))[0]?.cursor ?? 0;

  const ofOne = async (
    scope: Exclude<FeedScope, 'everyone'>,
    cursor: number,
    last: number,
    limit: number,
  ) => {
    const [page, id] = 'userId' in scope ? [ofUser, scope.userId] : [ofConversation, scope.conversationId];
    const rows: FeedRow[] = [];
    for (let block = blockOf(Math.max(cursor, await one(forgotten))); block <= blockOf(last); block++) {
      rows.push(...(await database.read(withValues(page, [block, id, cursor, limit - rows.length]))));
      if (rows.length >= limit) break;
    }
    return rows;
  };
  const pageAfter: Feed['pageAfter'] = async (scope, cursor, limit) => {
    const last = await one(head);
    const rows =
      scope === 'everyone'
        ? await database.read(withValues(ofEveryone, [cursor, limit]))
        : await ofOne(scope, cursor, last, limit);
    const events = rows.map(presentEvent);
    // Where more came while the blocks were read, what was found may lie beyond `last`.
    const found = events.at(-1)?.cursor ?? 0;
    return { events, upTo: events.length >= limit ? found : Math.max(cursor, last, found) };
  };

  return {
    head: () => one(head),
    after: async (scope, cursor, limit) => (await pageAfter(scope, cursor, limit)).events,
    pageAfter,
    forgotten: () => one(forgotten),
    async removeBefore(at) {
      const [edge] = await database.read(withValues(forgettable, [at, forgottenAtOnce]));
      const upTo = edge?.staying ? edge.staying - 1 : edge?.last;
      if (!upTo) return 0;
      const [result] = await database.write([withValues(remove, [upTo]), withValues(note, [upTo, upTo])]);
      return result?.changes ?? 0;
    },
  };
}

/** As the indexes have it. */
function blockOf(cursor: number): number {
  return Math.floor(cursor / 4096);
}

function compilePage(queries: Queries, scope: 'conversation_id' | 'user_id' | 'everyone') {
  const all = queries
    .selectFrom('feed')
    .select(['cursor', 'conversation_id', 'user_id', 'type', 'message_id', 'at', 'data']);
  const some = scope === 'everyone' ? all : all.where(sql`cursor >> 12`, '=', 0).where(scope, '=', 0);
  return compileQuery<FeedRow>(some.where('cursor', '>', 0).orderBy('cursor').limit(0));
}

function compileEdges(queries: Queries) {
  const forgotten = queries.selectFrom('feed_forgotten').select('cursor');
  const last = queries.selectFrom('feed').select(({ fn }) => fn.max('cursor').as('cursor'));
  const oldest = queries.selectFrom('feed').select(['cursor', 'at']).orderBy('cursor').limit(0);
  return {
    forgotten: compileQuery(forgotten),
    head: compileQuery(queries.selectNoFrom(({ fn }) => fn.coalesce(last, forgotten).as('cursor'))),
    forgettable: compileQuery(
      queries
        .selectFrom(oldest.as('oldest'))
        .select(({ fn }) => [
          sql<number | null>`min(case when at >= ${0} then cursor end)`.as('staying'),
          fn.max<number | null>('cursor').as('last'),
        ]),
    ),
  };
}

type FeedRow = Record<string, SqlValue>;

function presentEvent(row: FeedRow): FeedEvent {
  const { cursor, conversation_id, user_id, type, message_id, at, data } = row;
  return {
    cursor: cursor as number,
    conversationId: conversation_id as number,
    userId: user_id as number | null,
    type: type as FeedEvent['type'],
    messageId: message_id as number | null,
    at: at as number,
    data: data === null ? null : (JSON.parse(data as string) as Record<string, unknown>),
  };
}

/** The statement with which a unit stores its event. */
export function compileEvent(queries: Queries): (event: Omit<FeedEvent, 'cursor'>) => Statement {
  const insert = compileStatement(
    queries
      .insertInto('feed')
      .values({ conversation_id: 0, user_id: 0, type: '', message_id: 0, at: 0, data: '' }),
  );
  return ({ conversationId, userId, type, messageId, at, data }) =>
    withValues(insert, [
      conversationId,
      userId,
      type,
      messageId,
      at,
      data === null ? null : JSON.stringify(data),
    ]);
}
