import { sql } from 'kysely';
import type { Page } from './conversations.ts';
import type { Database } from './database.ts';
import { asText, compileQuery, jsonArray, jsonList, numbersOf, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { messageColumns, presentMessage } from './message-rows.ts';
import type { Message, MessagePage, Messages } from './messages.ts';

/** How far a conversation has come. */
interface Extent {
  /** The last place that was given. */
  lastPlace: number;
  /** Messages that were removed: without any, the places have no gaps. */
  removed: number;
}

/** The pages of a conversation: see `Messages`. */
export function createMessagePages(
  database: Database,
  queries: Queries,
): Pick<Messages, 'listOf' | 'pageOf'> {
  const { extent, extentWithHidden, page } = compileSelects(queries);

  const read = async (
    conversationId: number,
    { first, last, skip, limit }: Page & { first: number; last: number },
    without: string,
  ): Promise<Message[]> => {
    const values = [conversationId, first, last, without, limit, skip];
    return (await database.read(withValues(page, values))).map(presentMessage);
  };

  return {
    async listOf(conversationId, { skip, limit }) {
      const last = Number.MAX_SAFE_INTEGER;
      // Whether there are gaps does not matter to the first page.
      const [row] = skip === 0 ? [] : await database.read(withValues(extent, [conversationId]));
      return hasGaps(row)
        ? read(conversationId, { first: 0, last, skip, limit }, none)
        : read(conversationId, { first: skip, last, skip: 0, limit }, none);
    },
    async pageOf(conversationId, { skip, limit }) {
      const ids = [conversationId, conversationId, conversationId];
      const [row] = await database.read(withValues(extentWithHidden, ids));
      if (row === undefined) return { messages: [], total: 0, pending: [] };
      const { lastPlace: last, removed } = row;
      const pending = inOrder(JSON.parse(row.pending ?? none) as Hidden[]);
      const left = JSON.parse(row.leftToOthers ?? none) as Hidden[];
      const hidden = inOrder([...pending, ...left]);
      const without = JSON.stringify(hidden.map(([id]) => id));
      const messages = hasGaps(row)
        ? await read(conversationId, { first: 0, last, skip, limit }, without)
        : await read(conversationId, { first: beyond(skip, hidden), last, skip: 0, limit }, without);
      const total = last - removed - hidden.length;
      return { messages, total, pending: pending.map(([id]) => id) } satisfies MessagePage;
    },
  };
}

/** An answer that has not ended, or that somebody else took over before it said a word: its id and place. */
type Hidden = [id: number, place: number];

const none = '[]';

function inOrder(hidden: readonly Hidden[]): Hidden[] {
  return hidden.toSorted(([, one], [, other]) => one - other);
}

function hasGaps(extent: Extent | undefined): boolean {
  return extent !== undefined && extent.removed > 0;
}

/** The place of the last of so many messages that are not hidden. */
function beyond(skip: number, hidden: readonly Hidden[]): number {
  let place = skip;
  for (const [, taken] of hidden) if (taken <= place) place++;
  return place;
}

function compileSelects(queries: Queries) {
  const extent = queries
    .selectFrom('conversations')
    .select(['message_count as lastPlace', 'removed_messages as removed'])
    .where('id', '=', 0);
  const all = asText(
    queries,
    jsonList(queries, jsonArray(queries, sql.ref('messages.id'), sql.ref('messages.place'))),
  );
  const pending = queries
    .selectFrom('turns')
    .innerJoin('messages', 'messages.id', 'turns.id')
    .select(all.as('all'))
    .where('turns.conversation_id', '=', 0);
  const leftToOthers = queries
    .selectFrom('messages')
    .select(all.as('all'))
    .where('conversation_id', '=', 0)
    // As the index has it.
    .where(sql<boolean>`error_code = 'given_up' AND content = ''`);
  const without = numbersOf(queries);
  return {
    extent: compileQuery(extent),
    extentWithHidden: compileQuery(
      queries
        .selectFrom('conversations')
        .select(['message_count as lastPlace', 'removed_messages as removed'])
        .select(pending.as('pending'))
        .select(leftToOthers.as('leftToOthers'))
        .where('id', '=', 0),
    ),
    page: compileQuery(
      queries
        .selectFrom('messages')
        .select(messageColumns)
        .where('conversation_id', '=', 0)
        .where('place', '>', 0)
        .where('place', '<=', 0)
        .where('id', 'not in', without)
        .orderBy('place')
        .limit(0)
        .offset(0),
    ),
  };
}
