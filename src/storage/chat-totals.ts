import type { Database, SqlValue, Statement } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** Sums over conversations. */
export interface ChatTotals {
  chats: number;
  messages: number;
  /** Completed answers. */
  answers: number;
  /** Of the completed answers together. */
  responseMs: number;
  /** Prompt and completion tokens of all turns. */
  tokens: number;
  /** Turns that failed or were interrupted. */
  errors: number;
  ratings: number;
  /** Ratings of 4 and 5. */
  satisfied: number;
}

export interface ChatTotalsFilter {
  /** Null: the whole service. */
  userId: number | null;
  /** First and last day, `YYYY-MM-DD`, both included. */
  fromDay?: string | undefined;
  toDay?: string | undefined;
}

/** How much was said. */
export type TalkSums = Pick<ChatTotals, 'chats' | 'messages' | 'tokens'>;

export interface TalkFilter extends ChatTotalsFilter {
  /** '' for what concerned none. */
  model?: string | undefined;
}

/** The daily sums of conversations, which every statistic reads. They are written with what they count. */
export interface ChatTotalsReader {
  /** Zeros where there is nothing. */
  total(filter: ChatTotalsFilter): Promise<ChatTotals>;
  /** Days without anything are left out; in order. */
  daily(filter: ChatTotalsFilter): Promise<(ChatTotals & { day: string })[]>;
  /** Days on which nothing was said are left out; in order. */
  talkByDay(filter: TalkFilter): Promise<(TalkSums & { day: string })[]>;
  /** Models with which nothing was said are left out; by their names. */
  talkByModel(filter: TalkFilter): Promise<(TalkSums & { model: string })[]>;
}

const sums = (queries: Queries) =>
  queries
    .selectFrom('chat_daily')
    .select(({ fn }) => [
      fn.sum<number>('chats').as('chats'),
      fn.sum<number>('messages').as('messages'),
      fn.sum<number>('answers').as('answers'),
      fn.sum<number>('response_ms').as('responseMs'),
      fn.sum<number>('tokens').as('tokens'),
      fn.sum<number>('errors').as('errors'),
      fn.sum<number>('ratings').as('ratings'),
      fn.sum<number>('satisfied').as('satisfied'),
    ]);

/** Sums kept in `database`. */
export function createChatTotals(database: Database, queries: Queries): ChatTotalsReader {
  const range = sums(queries).where('user_id', '=', 0).where('day', '>=', '').where('day', '<=', '');
  const total = compileQuery(range);
  const daily = compileQuery(range.select('day').groupBy('day').orderBy('day'));
  return {
    ...createTalk(database, queries),
    async total(filter) {
      const [row] = await database.read(withValues(total, rangeOf(filter)));
      return totalsOf(row);
    },
    async daily(filter) {
      const rows = await database.read(withValues(daily, rangeOf(filter)));
      const days = rows.map((row) => ({ day: row.day, ...totalsOf(row) }));
      return days.filter(({ day: _day, ...totals }) => Object.values(totals).some((sum) => sum > 0));
    },
  };
}

function createTalk(
  database: Database,
  queries: Queries,
): Pick<ChatTotalsReader, 'talkByDay' | 'talkByModel'> {
  const range = queries
    .selectFrom('chat_daily')
    .select(({ fn }) => [
      fn.sum<number>('chats').as('chats'),
      fn.sum<number>('messages').as('messages'),
      fn.sum<number>('tokens').as('tokens'),
    ])
    .where('user_id', '=', 0)
    .where('day', '>=', '')
    .where('day', '<=', '');
  const compile = (rows: typeof range) => ({
    byDay: compileQuery(rows.select('day').groupBy('day').orderBy('day')),
    byModel: compileQuery(rows.select('model').groupBy('model').orderBy('model')),
  });
  const ofAll = compile(range);
  const ofOne = compile(range.where('model', '=', ''));
  const compiledFor = ({ model }: TalkFilter) => (model === undefined ? ofAll : ofOne);
  const valuesOf = (filter: TalkFilter) =>
    filter.model === undefined ? rangeOf(filter) : [...rangeOf(filter), filter.model];
  return {
    async talkByDay(filter) {
      const rows = await database.read(withValues(compiledFor(filter).byDay, valuesOf(filter)));
      return rows.filter(isTalk).map((row) => ({ ...row }));
    },
    async talkByModel(filter) {
      const rows = await database.read(withValues(compiledFor(filter).byModel, valuesOf(filter)));
      return rows.filter(isTalk).map((row) => ({ ...row }));
    },
  };
}

/** Every day lies between these two. */
function rangeOf({ userId, fromDay = '', toDay = '~' }: ChatTotalsFilter): SqlValue[] {
  return [userId ?? wholeService, fromDay, toDay];
}

function isTalk({ chats, messages, tokens }: TalkSums): boolean {
  return chats + messages + tokens > 0;
}

function totalsOf(row: Partial<Record<keyof ChatTotals, number | null>> = {}): ChatTotals {
  return {
    chats: row.chats ?? 0,
    messages: row.messages ?? 0,
    answers: row.answers ?? 0,
    responseMs: row.responseMs ?? 0,
    tokens: row.tokens ?? 0,
    errors: row.errors ?? 0,
    ratings: row.ratings ?? 0,
    satisfied: row.satisfied ?? 0,
  };
}

/** The user id under which `chat_daily` keeps the sums of all users. */
export const wholeService = 0;

/** What to add to the sums of a day; what is left out is 0. */
export interface ChatShare extends Partial<ChatTotals> {
  userId: number | null;
  day: string;
  channel: string;
  /** The model concerned; left out where none is. */
  model?: string;
}

const counted = [
  'chats',
  'messages',
  'answers',
  'response_ms',
  'tokens',
  'errors',
  'ratings',
  'satisfied',
] as const;

/** The statement with which a unit adds its share to the sums of its user and of the whole service. */
export function compileChatShare(queries: Queries): (share: ChatShare) => Statement {
  const none = Object.fromEntries(counted.map((name) => [name, 0])) as Record<(typeof counted)[number], 0>;
  const row = { user_id: 0, day: '', channel: '', model: '', ...none };
  const addUp = (rows: (typeof row)[]) =>
    compileStatement(
      queries
        .insertInto('chat_daily')
        .values(rows)
        .onConflict((conflict) =>
          conflict
            .columns(['user_id', 'day', 'channel', 'model'])
            .doUpdateSet((eb) =>
              Object.fromEntries(
                counted.map((name) => [name, eb(`chat_daily.${name}`, '+', eb.ref(`excluded.${name}`))]),
              ),
            ),
        ),
    );
  const forService = addUp([row]);
  const forBoth = addUp([row, row]);

  return ({ userId, day, channel, model = '', ...share }) => {
    const values = [day, channel, model, ...sharesOf(share)];
    return userId === null
      ? withValues(forService, [wholeService, ...values])
      : withValues(forBoth, [userId, ...values, wholeService, ...values]);
  };
}

/** In the order of `counted`. */
function sharesOf(share: Partial<ChatTotals>): number[] {
  const { chats = 0, messages = 0, answers = 0, responseMs = 0 } = share;
  const { tokens = 0, errors = 0, ratings = 0, satisfied = 0 } = share;
  return [chats, messages, answers, Math.round(responseMs), tokens, errors, ratings, satisfied];
}
