import { sql } from 'kysely';
import type { Statement } from './database.ts';
import { compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { Acknowledgement } from './messages.ts';

/** The unit that moves receipts forward: the events, the messages, then how far all receipts are now. */
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

type Target = Acknowledgement['receipt'];

/** What is not there yet can be neither delivered nor read. */
const there = sql<boolean>`messages.state not in ('queued', 'running')`;

/** Receipts that come before. */
function behind(receipt: Target) {
  return receipt === 'read'
    ? sql<boolean>`messages.receipt in ('sent', 'delivered')`
    : sql<boolean>`messages.receipt = 'sent'`;
}

function compileOfOne(queries: Queries, receipt: Target) {
  const mark = `${receipt}_place` as const;
  const known = queries.selectFrom('conversations').select(mark).where('id', '=', 0);
  const which = sql<boolean>`messages.conversation_id = ${0} and messages.place > (${known})
    and messages.user_id = ${0} and messages.id <= ${0} and ${there} and ${behind(receipt)}`;
  const firstBehind = queries
    .selectFrom('messages')
    .select(sql<number>`min(messages.place) - 1`.as('place'))
    .where(
      sql<boolean>`messages.conversation_id = conversations.id and messages.place > conversations.${sql.ref(mark)}`,
    )
    .where(behind(receipt));
  return {
    ...compileMove(queries, receipt, which),
    mark: compileStatement(
      queries
        .updateTable('conversations')
        .set(({ fn, ref }) => ({ [mark]: fn.coalesce(firstBehind, ref('message_count')) }))
        .where('id', '=', 0)
        .where('user_id', '=', 0),
    ),
  };
}

function compileOfAll(queries: Queries, receipt: Target) {
  const mark = `${receipt}_place` as const;
  const known = queries.selectFrom('user_counters').select(mark).where('user_id', '=', 0);
  const which = sql<boolean>`messages.user_id = ${0} and messages.user_place > (${known})
    and messages.id <= ${0} and ${there} and ${behind(receipt)}`;
  const firstBehind = queries
    .selectFrom('messages')
    .select(sql<number>`min(messages.user_place) - 1`.as('place'))
    .where(
      sql<boolean>`messages.user_id = user_counters.user_id and messages.user_place > user_counters.${sql.ref(mark)}`,
    )
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

function compileMove(queries: Queries, receipt: Target, which: ReturnType<typeof sql<boolean>>) {
  const events = queries
    .selectFrom('messages')
    .select([
      'conversation_id',
      'user_id',
      sql.lit('receipt').as('type'),
      sql<number>`${0}`.as('at'),
      sql<string>`json_object('receipt', ${sql.lit(receipt)}, 'messageIds', json_group_array(id order by id))`.as(
        'data',
      ),
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
