import { sql } from 'kysely';
import type { Database } from './database.ts';
import { createCustomerSearchSql } from './customer-search-sql.ts';
import type { CustomerSearchSql } from './customer-search-sql.ts';
import { compileQuery, compileStatement, numbersOf, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { endsOf, piecesQuery } from './search-terms.ts';
import type { PiecesQuery } from './search-terms.ts';
import { accepted } from './storage-error.ts';

/** Somebody who has begun a conversation: a user, or a guest by the id that the page gave. Times are milliseconds since the epoch. */
export interface Customer {
  id: number;
  /** Null for a guest. */
  userId: number | null;
  /** Null for a user. */
  guestId: string | null;
  /** A user's name; a guest's id. */
  name: string;
  email: string | null;
  conversationCount: number;
  firstSeenAt: number;
  /** To the minute: when a customer last began a conversation or said something. */
  lastSeenAt: number;
}

/** Who begins a conversation: a user by the account, a guest by the id that the page gave. */
export type NewCustomer = { userId: number } | { guestId: string };

/** Customers. They are written with the conversations that they begin. */
export interface Customers {
  find(id: number): Promise<Customer | undefined>;
  findMany(ids: readonly number[]): Promise<Map<number, Customer>>;
  /** Who was seen last first. With `search`: those in whose name, address or guest id every word of it occurs. */
  list(
    search: string | undefined,
    page: { skip: number; limit: number },
  ): Promise<{ customers: Customer[]; total: number }>;
  /** Brings the index of names, addresses and guest ids up to date, some hundred customers at a time; false where it was. */
  index(): Promise<boolean>;
}

type CustomerPage = Parameters<Customers['list']>[1];
type Found = Awaited<ReturnType<Customers['list']>>;

/** A search waits until so many changed customers are in the index: after an upgrade with very many the rest is done in the background. */
const mostBeforeSearch = 2000;
/** Of so many, those on the page are found by sorting all of them. */
const mostSorted = 2000;
const noLimit = Number.MAX_SAFE_INTEGER;
/** Customers whom a search that finds very many looks at together. */
const walkedAtOnce = 500;

/** Customers kept in `database`. */
export function createCustomers(database: Database, queries: Queries): Customers {
  const dialect = createCustomerSearchSql(database, queries, mostSorted);
  const selects = compileSelects(queries, dialect);
  const index = createIndexer(database, queries, dialect);
  const search = createSearch(database, selects, dialect);
  const findMany: Customers['findMany'] = async (ids) => {
    const rows = await database.read(withValues(selects.byIds, [JSON.stringify(ids)]));
    return new Map(rows.map((row) => [row.id, { ...row }]));
  };

  return {
    find: async (id) => (await findMany([id])).get(id),
    findMany,
    async list(text, page) {
      const query = piecesQuery(text ?? '');
      if (query.pieces.length > 0) {
        for (let left = mostBeforeSearch; left > 0 && (await index()); left -= dialect.atOnce);
        return search(query, page);
      }
      const rows = await database.read(withValues(selects.seenLast, [page.limit, page.skip]));
      const [counted] = await database.read(selects.count);
      return { customers: rows.map((row) => ({ ...row })), total: counted?.count ?? 0 };
    },
    index,
  };
}

/** A few that are found are sorted; of very many, those seen last are looked through until the page is full. */
function createSearch(database: Database, selects: Selects, { matchOf, narrowest }: CustomerSearchSql) {
  const idsOf = async (match: string, most: number): Promise<number[]> =>
    (await database.read(withValues(selects.matching, [match, most]))).map(({ id }) => id);
  const sorted = async (ids: readonly number[], { skip, limit }: CustomerPage): Promise<Found> => {
    const rows = await database.read(withValues(selects.ofThese, [JSON.stringify(ids), limit, skip]));
    return { customers: rows.map((row) => ({ ...row })), total: ids.length };
  };
  const confirmed = async (ids: readonly number[], { isIn }: PiecesQuery): Promise<number[]> => {
    const rows = await database.read(withValues(selects.byIds, [JSON.stringify(ids)]));
    return rows.filter(({ name, email, guestId }) => isIn([name, email, guestId])).map(({ id }) => id);
  };
  const walked = async ({ isIn }: PiecesQuery, { skip, limit }: CustomerPage): Promise<Customer[]> => {
    const found: Customer[] = [];
    let from = { lastSeenAt: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER };
    while (found.length < skip + limit) {
      const values = [from.lastSeenAt, from.id, walkedAtOnce];
      const rows = await database.read(withValues(selects.seenBefore, values));
      found.push(...rows.filter(({ name, email, guestId }) => isIn([name, email, guestId])));
      from = rows.at(-1) ?? from;
      if (rows.length < walkedAtOnce) break;
      // It may be long: others get their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return found.slice(skip, skip + limit).map((row) => ({ ...row }));
  };

  return async (query: PiecesQuery, page: CustomerPage): Promise<Found> => {
    const { pieces, long } = query;
    const ids = await idsOf(matchOf(await narrowest(pieces)), long ? noLimit : mostSorted + 1);
    if (long || ids.length <= mostSorted) {
      return sorted(long || pieces.length > 1 ? await confirmed(ids, query) : ids, page);
    }
    const match = matchOf(pieces);
    const [counted] = await database.read(withValues(selects.countMatching, [match]));
    const total = counted?.count ?? 0;
    if (total <= mostSorted) return sorted(await idsOf(match, mostSorted), page);
    return { customers: await walked(query, page), total };
  };
}

type Selects = ReturnType<typeof compileSelects>;

function compileSelects(queries: Queries, { matches }: CustomerSearchSql) {
  const customer = queries
    .selectFrom('customers')
    .select([
      'id',
      'user_id as userId',
      'guest_id as guestId',
      'name',
      'email',
      'conversations as conversationCount',
      'first_seen_at as firstSeenAt',
      'last_seen_at as lastSeenAt',
    ]);
  const these = customer.where('id', 'in', numbersOf(queries));
  const seenLast = <Selected extends typeof customer>(selected: Selected) =>
    selected.orderBy('last_seen_at', 'desc').orderBy('id', 'desc');
  const matching = queries.selectFrom('customer_search').where(matches);
  return {
    byIds: compileQuery(these),
    ofThese: compileQuery(seenLast(these).limit(0).offset(0)),
    seenLast: compileQuery(seenLast(customer).limit(0).offset(0)),
    seenBefore: compileQuery(
      seenLast(customer)
        .where(sql<boolean>`(last_seen_at, id) < (${0}, ${0})`)
        .limit(0),
    ),
    count: compileQuery(queries.selectFrom('customer_count').select('customers as count')),
    matching: compileQuery(matching.select('rowid as id').limit(0)),
    countMatching: compileQuery(matching.select(({ fn }) => fn.countAll<number>().as('count'))),
  };
}

/** Takes changed customers into the index, in the order of their changes. */
function createIndexer(
  database: Database,
  queries: Queries,
  { atOnce, indexed, put }: CustomerSearchSql,
): Customers['index'] {
  const changed = compileQuery(
    queries
      .selectFrom('customer_changes')
      .leftJoin('customers', 'customers.id', 'customer_changes.customer_id')
      .select(['customer_changes.id as change', 'customer_id as id', 'name', 'email', 'guest_id as guestId'])
      .orderBy('customer_changes.id')
      .limit(0),
  );
  const done = compileStatement(queries.deleteFrom('customer_changes').where('id', '<=', 0));

  return async () => {
    const rows = await database.read(withValues(changed, [atOnce]));
    const last = rows.at(-1)?.change;
    if (last === undefined) return false;
    // A customer who changed twice is written once, as things are now.
    const byId = new Map(rows.map((row) => [row.id, row]));
    const puts = Array.from(byId.values(), ({ id, name, email, guestId }) =>
      withValues(put, [indexed(endsOf([name, email, guestId])), id]),
    );
    // Refused where another process has indexed them meanwhile: what it wrote may be newer.
    const unit = [{ ...withValues(done, [last]), expect: rows.length }, ...puts];
    await accepted(database.write(unit, { patient: true }));
    return true;
  };
}
