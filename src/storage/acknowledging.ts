import { sql } from 'kysely';
import type { Statement } from './database.ts';
import { aNumber, compileStatement, isSame, jsonList, jsonObject, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { Acknowledgement, StaffAcknowledgement } from './messages.ts';

/** The unit that moves the receipts of answers forward: the events, the messages, then how far all receipts are now. */
export function compileAcknowledging(queries: Queries): (acknowledgement: Acknowledgement) => Statement[] {
  const compiled = {
    delivered: { ofOne: compileOfOne(queries, 'delivered'), ofAll: compileOfAll(queries, 'delivered') },
    read: { ofOne: compileOfOne(queries, 'read'), ofAll: compileOfAll(queries, 'read') },
  };
  return ({ userId, conversationId, upTo, receipt, at }) => {
    const { ofOne, ofAll } = compiled[receipt];
    if (conversationId === undefined) {
      const moved = [userId, userId, upTo];
      return [
        withValues(ofAll.note, [at, ...moved]),
        withValues(ofAll.move, moved),
        withValues(ofAll.mark, [userId]),
      ];
    }
    const moved = [conversationId, conversationId, userId, upTo];
    return [
      withValues(ofOne.note, [at, ...moved]),
      withValues(ofOne.move, moved),
      withValues(ofOne.mark, [conversationId, userId]),
    ];
  };
}

/** The same for a customer's messages, which staff read. */
export function compileStaffAcknowledging(
  queries: Queries,
): (acknowledgement: StaffAcknowledgement) => Statement[] {
  const compiled = {
    delivered: compileOfCustomer(queries, 'delivered'),
    read: compileOfCustomer(queries, 'read'),
  };
  return ({ conversationId, upTo, receipt, at }) => {
    const { note, move, mark } = compiled[receipt];
    const moved = [conversationId, conversationId, upTo];
    return [withValues(note, [at, ...moved]), withValues(move, moved), withValues(mark, [conversationId])];
  };
}

type Target = Acknowledgement['receipt'];
type Mark = `${'' | 'staff_'}${Target}_place`;
type Condition = ReturnType<typeof sql<boolean>>;

/** What is not there yet can be neither delivered nor read. */
const there = sql<boolean>`messages.state not in ('queued', 'running')`;
const isAnswer = sql<boolean>`messages.role = 'assistant'`;
const isQuestion = sql<boolean>`messages.role = 'user'`;

/** Receipts that come before. */
function behind(receipt: Target) {
  return receipt === 'read'
    ? sql<boolean>`messages.receipt in ('sent', 'delivered')`
    : sql<boolean>`messages.receipt = 'sent'`;
}

function compileOfOne(queries: Queries, receipt: Target) {
  const { which, mark } = compileWithin(queries, `${receipt}_place`, sql`${isAnswer} and ${behind(receipt)}`);
  return {
    ...compileMove(
      queries,
      receipt,
      sql`${which} and messages.user_id is not distinct from ${0} and messages.id <= ${0}`,
    ),
    mark: compileStatement(mark.where(isSame('user_id'))),
  };
}

function compileOfCustomer(queries: Queries, receipt: Target) {
  const waiting = sql<boolean>`${isQuestion} and ${behind(receipt)}`;
  const { which, mark } = compileWithin(queries, `staff_${receipt}_place`, waiting);
  return {
    ...compileMove(queries, receipt, sql`${which} and messages.id <= ${0}`, 'staff'),
    mark: compileStatement(mark),
  };
}

/** The messages of a conversation beyond its mark that wait for the receipt, and the update that moves the mark. */
function compileWithin(queries: Queries, mark: Mark, waiting: Condition) {
  const known = queries.selectFrom('conversations').select(mark).where('id', '=', 0);
  const firstBehind = queries
    .selectFrom('messages')
    .select(sql<number>`min(messages.place) - 1`.as('place'))
    .where(
      sql<boolean>`messages.conversation_id = conversations.id and messages.place > conversations.${sql.ref(mark)}`,
    )
    .where(waiting);
  return {
    which: sql<boolean>`messages.conversation_id = ${0} and messages.place > (${known}) and ${there} and ${waiting}`,
    mark: queries
      .updateTable('conversations')
      .set(({ fn, ref }) => ({ [mark]: fn.coalesce(firstBehind, ref('message_count')) }))
      .where('id', '=', 0),
  };
}

function compileOfAll(queries: Queries, receipt: Target) {
  const mark = `${receipt}_place` as const;
  const known = queries.selectFrom('user_counters').select(mark).where('user_id', '=', 0);
  const which = sql<boolean>`messages.user_id = ${0} and messages.user_place > (${known})
    and messages.id <= ${0} and ${there} and ${isAnswer} and ${behind(receipt)}`;
  const firstBehind = queries
    .selectFrom('messages')
    .select(sql<number>`min(messages.user_place) - 1`.as('place'))
    .where(
      sql<boolean>`messages.user_id = user_counters.user_id and messages.user_place > user_counters.${sql.ref(mark)}`,
    )
    .where(isAnswer)
    .where(behind(receipt));
  return {
    ...compileMove(queries, receipt, which),
    mark: compileStatement(
      queries
        .updateTable('user_counters')
        .set(({ fn, ref }) => ({ [mark]: fn.coalesce(firstBehind, ref('last_message_place')) }))
        .where('user_id', '=', 0),
    ),
  };
}

function compileMove(queries: Queries, receipt: Target, which: Condition, by?: 'staff') {
  const reader = by === undefined ? undefined : { by: sql`cast(${sql.lit(by)} as text)` };
  const data = jsonObject(queries, {
    receipt: sql`cast(${sql.lit(receipt)} as text)`,
    messageIds: jsonList(queries, sql.ref('id'), sql.ref('id')),
    ...reader,
  });
  const events = queries
    .selectFrom('messages')
    .select([
      'conversation_id',
      'user_id',
      sql.lit('receipt').as('type'),
      aNumber(queries).as('at'),
      data.as('data'),
    ])
    .where(which)
    .groupBy(['conversation_id', 'user_id']);
  const update = queries.updateTable('messages').set({ receipt: sql.lit(receipt) });
  return {
    note: compileStatement(
      queries
        .insertInto('feed')
        .columns(['conversation_id', 'user_id', 'type', 'at', 'data'])
        .expression(events),
    ),
    move: compileStatement(update.where(which)),
  };
}
