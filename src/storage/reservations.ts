import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { StoredBudget } from './budgets.ts';
import type { Database, SqlRow, Statement } from './database.ts';
import { aNumber, aText, compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** Tokens, and money by currency in 10⁻⁹ of its unit. Whole numbers from 0 to 2·10¹⁸, exact up to 2⁵³. */
export interface StoredAmount {
  tokens: number;
  USD: number;
  CNY: number;
}

/** What an owner has spent in a month, answers from the cache left out, and what is set aside for calls on their way. */
export interface StoredStanding {
  spent: StoredAmount;
  reserved: StoredAmount;
}

/** What is to be set aside for a call. Times are milliseconds since the epoch, by the clock that all nodes go by. */
export interface NewReservation {
  /** `user:` or `key:` and an id. */
  owner: string;
  /** `YYYY-MM`: what was spent in it counts. */
  month: string;
  /** How much of what the owner may take in all; `cnyPerUsd` is what a dollar is worth to a budget in the other currency, above 0. */
  limit: { budget: StoredBudget; cnyPerUsd: number };
  estimate: StoredAmount;
  node: string;
  /** When it is void if nobody has renewed it; above `now`. */
  heldUntil: number;
  now: number;
}

/** What is set aside for calls on their way, on all nodes. A call's row ends its own: see `NewApiCall.reservationId`. */
export interface Reservations {
  /**
   * Sets `estimate` aside if the budget has room for it beside all that is spent and set aside; what takes nothing of the budget always fits.
   * Money in the budget's other currency is converted and rounded up, that of all calls together. Resolves to the reservation's id, or to
   * how things stand where it does not fit. It is looked and set aside in one unit, so that of all that come at once no more fit than there
   * is room for.
   */
  reserve(reservation: NewReservation): Promise<{ id: number } | { standing: StoredStanding }>;
  standing(owner: string, month: string, now: number): Promise<StoredStanding>;
  /** Gives back what was set aside; nothing happens where that has ended. */
  release(id: number): Promise<void>;
  /** Prolongs all that the node holds, and resolves to how many that are. */
  renew(node: string, heldUntil: number): Promise<number>;
  /** Removes what nobody has renewed in time; it has not counted any more. */
  removeVoid(now: number): Promise<void>;
}

/** Reservations kept in `database`. */
export function createReservations(database: Database, queries: Queries): Reservations {
  const { standing, reserve } = compileReserve(queries);
  const end = compileReservationEnd(queries);
  const table = queries.updateTable('reservations');
  const renew = compileStatement(table.set({ held_until: 0 }).where('node', '=', ''));
  const removeVoid = compileStatement(queries.deleteFrom('reservations').where('held_until', '<=', 0));

  return {
    async reserve(wanted) {
      const { owner, month, now } = wanted;
      const made = reserve(wanted);
      const [first] = await database.write([made]);
      if (first?.rows[0] !== undefined) return { id: Number(first.rows[0]['id']) };
      // Where it does not fit, once more together with the reason: both are of one moment.
      const [second, read] = await database.write([made, withValues(standing, [owner, month, owner, now])]);
      const id = second?.rows[0]?.['id'];
      return id === undefined ? { standing: presentStanding(read?.rows[0]) } : { id: Number(id) };
    },
    async standing(owner, month, now) {
      const [row] = await database.read(withValues(standing, [owner, month, owner, now]));
      return presentStanding(row);
    },
    async release(id) {
      await database.write([end(id)]);
    },
    async renew(node, heldUntil) {
      const [result] = await database.write([withValues(renew, [heldUntil, node])]);
      return result?.changes ?? 0;
    },
    async removeVoid(now) {
      await database.write([withValues(removeVoid, [now])]);
    },
  };
}

/** The statement with which a unit gives back what was set aside. */
export function compileReservationEnd(queries: Queries): (id: number) => Statement {
  const end = compileStatement(queries.deleteFrom('reservations').where('id', '=', 0));
  return (id) => withValues(end, [id]);
}

function compileReserve(queries: Queries) {
  const sources = selectSources(queries);
  const { tokens, usd, cny } = sums;
  const perUsd = sql<number>`cast(${1} as double precision)`;
  const number = aNumber(queries);
  const insertWhere = (share: RawBuilder<number>) =>
    compileStatement(
      queries
        .insertInto('reservations')
        .columns(['owner', 'tokens', 'usd_nano', 'cny_nano', 'node', 'held_until'])
        .expression(
          sources
            .select([aText(queries).as('owner'), number.as('tokens'), number.as('usd'), number.as('cny')])
            .select([aText(queries).as('node'), number.as('held')])
            .where(sql<boolean>`(${number} = 1 or ${share} <= ${number})`),
        )
        .returning('id'),
    );
  // Each rounds as core does: one division or multiplication of doubles, then up.
  const byUnit = {
    tokens: insertWhere(sql`${tokens} + ${number}`),
    USD: insertWhere(sql`${usd} + ${number} + ceil((${cny} + ${number}) / ${perUsd})`),
    CNY: insertWhere(sql`${cny} + ${number} + ceil((${usd} + ${number}) * ${perUsd})`),
  };
  return {
    standing: compileQuery(
      sources.select([
        'spent.tokens',
        'spent.usd',
        'spent.cny',
        'held.tokens as reservedTokens',
        'held.usd as reservedUsd',
        'held.cny as reservedCny',
      ]),
    ),
    reserve({ owner, month, limit: { budget, cnyPerUsd }, estimate, node, heldUntil, now }: NewReservation) {
      const { tokens: ofTokens, USD, CNY } = estimate;
      const row = [owner, ofTokens, USD, CNY, node, heldUntil];
      const where = [owner, month, owner, now];
      if ('tokens' in budget) {
        const fits = [ofTokens === 0 ? 1 : 0, ofTokens, budget.tokens];
        return withValues(byUnit.tokens, [...row, ...where, ...fits]);
      }
      const inDollars = budget.currency === 'USD';
      const shares = inDollars ? [USD, CNY] : [CNY, USD];
      const fits = [USD + CNY === 0 ? 1 : 0, ...shares, cnyPerUsd, budget.amountNano];
      return withValues(inDollars ? byUnit.USD : byUnit.CNY, [...row, ...where, ...fits]);
    },
  };
}

const sums = {
  tokens: sql<number>`spent.tokens + held.tokens`,
  usd: sql<number>`spent.usd + held.usd`,
  cny: sql<number>`spent.cny + held.cny`,
};

/** One row with the sums of what is spent and of what is set aside. */
function selectSources(queries: Queries) {
  // As doubles, with which core counts too.
  const sum = (expression: string) =>
    sql<number>`coalesce(sum(cast(${sql.raw(expression)} as double precision)), 0)`;
  const costIn = (currency: string) => sum(`case currency when '${currency}' then cost_nano else 0 end`);
  const spent = queries
    .selectFrom('owner_usage')
    .select([
      sum('prompt_tokens + completion_tokens - cache_hit_tokens').as('tokens'),
      costIn('USD').as('usd'),
      costIn('CNY').as('cny'),
    ])
    .where('owner', '=', '')
    .where('span', '=', sql.lit('month'))
    .where('model', '=', sql.lit(''))
    .where('begins', '=', '');
  const held = queries
    .selectFrom('reservations')
    .select([sum('tokens').as('tokens'), sum('usd_nano').as('usd'), sum('cny_nano').as('cny')])
    .where('owner', '=', '')
    .where('held_until', '>', 0);
  return queries.selectFrom([spent.as('spent'), held.as('held')]);
}

function presentStanding(row: SqlRow | undefined): StoredStanding {
  const [tokens = 0, USD = 0, CNY = 0, reservedTokens = 0, reservedUsd = 0, reservedCny = 0] = [
    row?.['tokens'],
    row?.['usd'],
    row?.['cny'],
    row?.['reservedTokens'],
    row?.['reservedUsd'],
    row?.['reservedCny'],
  ].map(Number);
  return {
    spent: { tokens, USD, CNY },
    reserved: { tokens: reservedTokens, USD: reservedUsd, CNY: reservedCny },
  };
}
