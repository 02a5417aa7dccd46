import { sql } from 'kysely';
import type { NewCustomer } from './customers.ts';
import type { Statement } from './database.ts';
import { compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { shownName } from './shown-name.ts';

/** How units keep the customers. */
export interface CustomerWrites {
  /** Of who begins a conversation: makes or finds the customer, whose name and address become what the account has now. */
  begins(customer: NewCustomer, at: number): Statement;
  /** Of who says something in a conversation; again only when a minute has passed, because it moves the customer in the list. */
  isSeen(conversationId: number, at: number): Statement;
  /** Before a conversation is removed. */
  loses(conversationId: number): Statement;
}

/** How exactly it is known when a customer was last seen. */
const seenAgainMs = 60_000;

/** The unique name of a customer. */
export function customerKey(customer: NewCustomer): string {
  return 'userId' in customer ? `user:${customer.userId}` : `guest:${customer.guestId}`;
}

export function compileCustomerWrites(queries: Queries): CustomerWrites {
  const begins = compileBegins(queries);
  const ofConversation = queries.selectFrom('conversations').select('customer_id').where('id', '=', 0);
  const customer = queries.updateTable('customers');
  const isSeen = compileStatement(
    customer.set({ last_seen_at: 0 }).where('id', '=', ofConversation).where('last_seen_at', '<', 0),
  );
  const loses = compileStatement(
    customer
      .set((eb) => ({ conversations: eb('conversations', '-', eb.lit(1)) }))
      .where('id', '=', ofConversation),
  );
  return {
    begins(who, at) {
      const [userId, guestId] = 'userId' in who ? [who.userId, null] : [null, who.guestId];
      return withValues(begins, [customerKey(who), userId, guestId, userId, guestId, userId, at, at]);
    },
    isSeen: (conversationId, at) => withValues(isSeen, [at, conversationId, at - seenAgainMs]),
    loses: (conversationId) => withValues(loses, [conversationId]),
  };
}

function compileBegins(queries: Queries): Statement {
  const account = queries.selectFrom('users').where('id', '=', 0);
  return compileStatement(
    queries
      .insertInto('customers')
      .values(({ eb, fn, val }) => ({
        key: '',
        user_id: 0,
        guest_id: '',
        name: fn.coalesce(account.select(shownName('users').as('name')), val(''), sql.lit('')),
        email: account.select('email'),
        conversations: eb.lit(1),
        first_seen_at: 0,
        last_seen_at: 0,
      }))
      .onConflict((conflict) =>
        conflict.column('key').doUpdateSet((eb) => ({
          name: eb.ref('excluded.name'),
          email: eb.ref('excluded.email'),
          conversations: eb('customers.conversations', '+', eb.lit(1)),
          last_seen_at: eb.ref('excluded.last_seen_at'),
        })),
      ),
  );
}
