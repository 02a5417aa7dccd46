import { sql } from 'kysely';
import type { Database, SqlRow, Statement } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { accepted } from './storage-error.ts';
import type { ActiveTurn } from './turns.ts';

/** A turn that another node is to make, or to end. */
export interface Seizure {
  id: number;
  /** At which it was seen. */
  fence: number;
  node: string;
  leaseUntil: number;
  /** Left out: whether or not its lease has ended; else only where it did so before this time. */
  lapsedBefore?: number | undefined;
}

/** What a node needs to know whether a turn is still its own. */
export type HeldTurn = Pick<ActiveTurn, 'id' | 'fence'>;

/** Which node makes the answer of which turn, and until when. */
export interface TurnLeases {
  find(id: number): Promise<ActiveTurn | undefined>;
  /** The turns of a conversation, in their order. */
  activeIn(conversationId: number): Promise<ActiveTurn[]>;
  /** The conversation of the user's newest turn. */
  lastActiveOf(userId: number): Promise<number | undefined>;
  /**
   * From `queued` to `running`. False where it is not queued any more, is at another fence than `fence` (1 unless it was taken over), or the
   * conversation has an earlier turn.
   */
  start(id: number, leaseUntil: number, fence?: number): Promise<boolean>;
  /** Extends the leases of a node's turns. */
  renew(node: string, leaseUntil: number): Promise<void>;
  heldBy(node: string): Promise<HeldTurn[]>;
  /** Turns of other nodes than `node` whose lease ended before `now`. */
  lapsed(node: string, now: number): Promise<ActiveTurn[]>;
  /** Raises the fence and gives the turn to the node. Undefined where it has ended, or is not as it was seen any more. */
  seize(seizure: Seizure): Promise<ActiveTurn | undefined>;
  /**
   * Takes over turns of other nodes than `node` whose lease ended before `now`, or all of them where `now` is null: raises their
   * fence, gives them to `node` with `leaseUntil`, and returns them. Two that ask at once never get the same turn.
   */
  takeOver(node: string, now: number | null, leaseUntil: number): Promise<ActiveTurn[]>;
}

/** Leases kept in `database`. */
export function createTurnLeases(database: Database, queries: Queries): TurnLeases {
  const { byId, ofConversation, lapsed } = compileReads(queries);
  const held = compileQuery(queries.selectFrom('turns').select(['id', 'fence']).where('node', '=', ''));
  const last = compileLast(queries);
  const starting = compileStart(queries);
  const { renew, takeOver, takeOverLapsed, seize, seizeLapsed } = compileLeases(queries);
  const read = async (query: typeof byId, values: (string | number)[]) =>
    (await database.read(withValues(query, values))).map(presentTurn);

  return {
    find: async (id) => (await read(byId, [id]))[0],
    activeIn: (conversationId) => read(ofConversation, [conversationId]),
    lastActiveOf: async (userId) => (await database.read(withValues(last, [userId])))[0]?.conversationId,
    start: (id, leaseUntil, fence = 1) => accepted(database.write(starting(id, leaseUntil, fence))),
    async renew(node, leaseUntil) {
      await database.write([withValues(renew, [leaseUntil, node])]);
    },
    heldBy: (node) => database.read(withValues(held, [node])),
    lapsed: (node, now) => read(lapsed, [node, now]),
    async seize({ id, fence, node, leaseUntil, lapsedBefore }) {
      const values = [node, leaseUntil, id, fence];
      const [result] = await database.write([
        lapsedBefore === undefined
          ? withValues(seize, values)
          : withValues(seizeLapsed, [...values, lapsedBefore]),
      ]);
      const row = result?.rows[0];
      return row && presentTurn(row);
    },
    async takeOver(node, now, leaseUntil) {
      const [result] = await database.write([
        now === null
          ? withValues(takeOver, [node, leaseUntil, node])
          : withValues(takeOverLapsed, [node, leaseUntil, node, now]),
      ]);
      return (result?.rows ?? []).map(presentTurn).toSorted((a, b) => a.id - b.id);
    },
  };
}

const columns = [
  'turns.id',
  'turns.conversation_id as conversationId',
  'turns.question_id as questionId',
  'turns.user_id as userId',
  'turns.state',
  'turns.node',
  'turns.fence',
  'turns.lease_until as leaseUntil',
  'turns.began_at as beganAt',
  'turns.origin',
] as const;

function channelOf(queries: Queries) {
  return queries
    .selectFrom('conversations')
    .select('conversations.channel')
    .whereRef('conversations.id', '=', 'turns.conversation_id' as never)
    .as('channel');
}

function compileReads(queries: Queries) {
  const select = queries.selectFrom('turns').select(columns).select(channelOf(queries));
  return {
    byId: compileQuery(select.where('turns.id', '=', 0)),
    ofConversation: compileQuery(
      select
        .innerJoin('messages', 'messages.id', 'turns.id')
        .where('turns.conversation_id', '=', 0)
        .orderBy('messages.place'),
    ),
    lapsed: compileQuery(
      select.where('turns.node', '!=', '').where('turns.lease_until', '<', 0).orderBy('turns.id'),
    ),
  };
}

function compileLast(queries: Queries) {
  return compileQuery(
    queries
      .selectFrom('turns')
      .select('conversation_id as conversationId')
      .where('user_id', '=', 0)
      .orderBy('id', 'desc')
      .limit(sql.lit(1)),
  );
}

/** The places of the answers say which turn is the earlier. */
function compileStart(queries: Queries) {
  const isFirst = sql<boolean>`not exists (select 1 from turns as others
    join messages as theirs on theirs.id = others.id join messages as own on own.id = turns.id
    where others.conversation_id = turns.conversation_id and theirs.place < own.place)`;
  const start = compileStatement(
    queries
      .updateTable('turns')
      .set({ state: sql.lit('running'), lease_until: 0 })
      .where('id', '=', 0)
      .where('state', '=', sql.lit('queued'))
      .where('fence', '=', 0)
      .where(isFirst),
    1,
  );
  const startAnswer = compileStatement(
    queries
      .updateTable('messages')
      .set({ state: sql.lit('running') })
      .where('id', '=', 0),
  );
  return (id: number, leaseUntil: number, fence: number): Statement[] => [
    withValues(start, [leaseUntil, id, fence]),
    withValues(startAnswer, [id]),
  ];
}

function compileLeases(queries: Queries) {
  const update = queries.updateTable('turns');
  const given = update.set((eb) => ({ fence: eb('fence', '+', eb.lit(1)), node: '', lease_until: 0 }));
  const takeOver = given.where('node', '!=', '').returning(columns).returning(channelOf(queries));
  const seize = given
    .where('id', '=', 0)
    .where('fence', '=', 0)
    .returning(columns)
    .returning(channelOf(queries));
  return {
    renew: compileStatement(update.set({ lease_until: 0 }).where('node', '=', '')),
    takeOver: compileStatement(takeOver),
    takeOverLapsed: compileStatement(takeOver.where('lease_until', '<', 0)),
    seize: compileStatement(seize),
    seizeLapsed: compileStatement(seize.where('lease_until', '<', 0)),
  };
}

function presentTurn(row: SqlRow): ActiveTurn {
  return { ...row, origin: JSON.parse(row['origin'] as string) as unknown } as ActiveTurn;
}
