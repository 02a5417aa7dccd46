import { sql } from 'kysely';
import { listedColumns, presentListed } from './conversation-rows.ts';
import type { ListedRow } from './conversation-rows.ts';
import type { AgentType, ConversationStatus, ListedConversation, Page, Priority } from './conversations.ts';
import type { Database, Query } from './database.ts';
import { wholeService } from './chat-totals.ts';
import { compileQuery, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';

export interface ConversationFilter {
  status?: ConversationStatus | undefined;
  agentType?: AgentType | undefined;
  priority?: Priority | undefined;
  assigneeId?: number | undefined;
  customerId?: number | undefined;
}

/** The helpdesk's sums; see `DeskTotals` for what each counts. */
export interface DeskTotals {
  /** Conversations that began in the days asked for, of every contract. */
  begun: number;
  /** Of those, how many a person has answered or taken so far. */
  human: number;
  /** Of those, how many are resolved or closed now. */
  over: number;
  /** Answers in the days asked for, of the AI's and of people's, and how long the customers waited for them together, in milliseconds. */
  replies: number;
  replyMs: number;
  /** Ratings given in the days asked for, a replaced one only as it is now, and the sum of their scores. */
  ratings: number;
  scores: number;
}

/** Lists and sums over everybody's conversations, for staff. Each costs the same however many there are; deep pages cost more. */
export interface DeskLists {
  /** The last changed first. */
  conversations(
    filter: ConversationFilter,
    page: Page,
  ): Promise<{ conversations: ListedConversation[]; total: number }>;
  /** Both days included. */
  totals(fromDay: string, toDay: string): Promise<DeskTotals>;
}

/** Conversations lie in the indexes by kind, those of each kind in the order of the list. */
interface Kind {
  status: string;
  agentType: string;
  priority: string;
}

const kindColumns = { status: 'status', agentType: 'agent_type', priority: 'priority' } as const;
const holderColumns = { assigneeId: 'assignee_id', customerId: 'customer_id' } as const;
const filterColumns = { ...kindColumns, ...holderColumns };
type Name = keyof typeof filterColumns;

const statuses: readonly ConversationStatus[] = ['open', 'pending', 'resolved', 'closed'];
const agentTypes: readonly AgentType[] = ['ai', 'human'];
const priorities: readonly Priority[] = ['low', 'medium', 'high', 'urgent'];
const everyKind: readonly Kind[] = statuses.flatMap((status) =>
  agentTypes.flatMap((agentType) => priorities.map((priority) => ({ status, agentType, priority }))),
);

/** Lists kept in `database`. */
export function createDeskLists(database: Database, queries: Queries): DeskLists {
  const kindsOf = createKinds(database, queries);
  const pages = new Map<string, Query<ListedRow>>();
  const totals = compileTotals(queries);
  return {
    async conversations(filter, { skip, limit }) {
      const { kinds, total } = await kindsOf(filter);
      if (skip >= total) return { conversations: [], total };
      const holders = givenOf(filter, holderColumns);
      const holding = holders.map((name) => filter[name]!);
      const page = compiledOnce(pages, `${kinds.length} ${holders.join()}`, () =>
        compilePage(queries, kinds.length, holders),
      );
      const values = kinds.flatMap((kind) => [kind.status, kind.agentType, kind.priority, ...holding]);
      const rows = await database.read(withValues(page, [...values, limit, skip]));
      return { conversations: rows.map(presentListed), total };
    },
    async totals(fromDay, toDay) {
      const [row] = await database.read(withValues(totals, [fromDay, toDay, fromDay, toDay, fromDay, toDay]));
      return { ...row! };
    },
  };
}

function givenOf<Some extends Name>(filter: ConversationFilter, columns: Record<Some, string>): Some[] {
  return (Object.keys(columns) as Some[]).filter((name) => filter[name] !== undefined);
}

function compiledOnce<Row>(
  compiled: Map<string, Query<Row>>,
  key: string,
  compile: () => Query<Row>,
): Query<Row> {
  const query = compiled.get(key) ?? compile();
  compiled.set(key, query);
  return query;
}

/** Of which kinds there are conversations that pass a filter, and how many pass it. */
function createKinds(database: Database, queries: Queries) {
  const compiled = new Map<string, Query<Kind & { count: number }>>();
  const ofCustomer = compileQuery(
    queries.selectFrom('customers').select('conversations as count').where('id', '=', 0),
  );
  return async (filter: ConversationFilter): Promise<{ kinds: readonly Kind[]; total: number }> => {
    const names = givenOf(filter, filterColumns);
    if (names.join() === 'customerId') {
      const [row] = await database.read(withValues(ofCustomer, [filter.customerId!]));
      return { kinds: everyKind, total: row?.count ?? 0 };
    }
    const query = compiledOnce(compiled, names.join(), () => compileKinds(queries, names));
    const values = names.map((name) => filter[name]!);
    const kinds = (await database.read(withValues(query, values))).filter(({ count }) => count > 0);
    return { kinds, total: kinds.reduce((sum, { count }) => sum + count, 0) };
  };
}

/** From the counts, which know no customers: those are counted in an index. */
function compileKinds(queries: Queries, names: readonly Name[]): Query<Kind & { count: number }> {
  const columns = ['status', 'agent_type as agentType', 'priority'] as const;
  const by = ['status', 'agent_type', 'priority'] as const;
  if (names.includes('customerId')) {
    let counted = queries
      .selectFrom('conversations')
      .select(({ fn }) => [...columns, fn.countAll<number>().as('count')]);
    for (const name of names) counted = counted.where(filterColumns[name], '=', '' as never);
    return compileQuery(counted.groupBy(by));
  }
  let summed = queries
    .selectFrom('conversation_counts')
    .select(({ fn }) => [...columns, fn.sum<number>('conversations').as('count')]);
  for (const name of names) {
    if (name !== 'customerId') summed = summed.where(filterColumns[name], '=', '' as never);
  }
  return compileQuery(summed.groupBy(by));
}

/** Merges so many kinds, each of which an index has in the order of the list. */
function compilePage(queries: Queries, kinds: number, holders: readonly (keyof typeof holderColumns)[]) {
  let kind = queries
    .selectFrom('conversations')
    .select(['id', 'last_message_at'])
    .where('status', '=', '')
    .where('agent_type', '=', '')
    .where('priority', '=', '');
  for (const name of holders) kind = kind.where(holderColumns[name], '=', 0);
  // PostgreSQL merges what says of itself that it is in this order, and sorts the rest.
  const newestFirst = kind.orderBy('last_message_at', 'desc').orderBy('id', 'desc').as('kind');
  const inOrder = queries.selectFrom(newestFirst).select(['kind.id', 'kind.last_message_at']);
  let merged = inOrder;
  for (let others = 1; others < kinds; others++) merged = merged.unionAll(inOrder);
  const page = merged.orderBy('last_message_at', 'desc').orderBy('id', 'desc').limit(0).offset(0);
  return compileQuery<ListedRow>(
    queries
      .selectFrom('conversations')
      .select(listedColumns)
      .where('conversations.id', 'in', queries.selectFrom(page.as('page')).select('page.id'))
      .orderBy('last_message_at', 'desc')
      .orderBy('conversations.id', 'desc'),
  );
}

/** `desk_daily` has what people answered; what the AI did is in the sums of all chats, so that an answer of its is added up once. */
function compileTotals(queries: Queries) {
  const ofAi = (sum: 'answers' | 'response_ms') =>
    queries
      .selectFrom('chat_daily')
      .select(({ fn, lit }) => fn.coalesce(fn.sum<number>(sum), lit(0)).as('sum'))
      .where('user_id', '=', sql.lit(wholeService))
      .where('day', '>=', '')
      .where('day', '<=', '');
  return compileQuery(
    queries
      .selectFrom('desk_daily')
      .select(({ eb, fn, lit }) => [
        fn.coalesce(fn.sum<number>('begun'), lit(0)).as('begun'),
        fn.coalesce(fn.sum<number>('human'), lit(0)).as('human'),
        fn.coalesce(fn.sum<number>('over'), lit(0)).as('over'),
        eb(fn.coalesce(fn.sum<number>('replies'), lit(0)), '+', ofAi('answers')).as('replies'),
        eb(fn.coalesce(fn.sum<number>('reply_ms'), lit(0)), '+', ofAi('response_ms')).as('replyMs'),
        fn.coalesce(fn.sum<number>('ratings'), lit(0)).as('ratings'),
        fn.coalesce(fn.sum<number>('scores'), lit(0)).as('scores'),
      ])
      .where('day', '>=', '')
      .where('day', '<=', ''),
  );
}
