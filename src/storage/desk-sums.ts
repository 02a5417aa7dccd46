import { sql } from 'kysely';
import type { Statement } from './database.ts';
import { compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** What to add to the helpdesk's sums of a day, see `DeskTotals`; what is left out is 0. */
export interface DeskShare {
  day: string;
  begun?: number;
  ratings?: number;
  scores?: number;
}

const added = ['begun', 'ratings', 'scores'] as const;

/** The statement with which a unit adds its share to the helpdesk's sums. */
export function compileDeskShare(queries: Queries): (share: DeskShare) => Statement {
  const row = { begun: 0, ratings: 0, scores: 0 };
  const addUp = compileStatement(
    queries
      .insertInto('desk_daily')
      .values(({ lit }) => ({
        day: '',
        ...row,
        human: lit(0),
        over: lit(0),
        replies: lit(0),
        reply_ms: lit(0),
      }))
      .onConflict((conflict) =>
        conflict
          .column('day')
          .doUpdateSet((eb) =>
            Object.fromEntries(
              added.map((name) => [name, eb(`desk_daily.${name}`, '+', eb.ref(`excluded.${name}`))]),
            ),
          ),
      ),
  );
  return ({ day, begun = 0, ratings = 0, scores = 0 }) => withValues(addUp, [day, begun, ratings, scores]);
}

/** What a change of a conversation does to the sums of the day on which it began. */
export interface DeskMarks {
  /** Before the conversation is marked `human`: counts it, unless it is marked. */
  countHuman(id: number): Statement;
  /** Before a change of status: takes it out of those that are over. */
  uncountOver(id: number): Statement;
  /** After a change of status: adds it to them. */
  countOver(id: number): Statement;
}

export function compileDeskMarks(queries: Queries): DeskMarks {
  const ofDay = queries.selectFrom('conversations').select('conversations.day').where('id', '=', 0);
  const begun = queries.updateTable('desk_daily');
  const over = ofDay.where(sql<boolean>`status in ('resolved', 'closed')`);
  const countHuman = begun
    .set((eb) => ({ human: eb('human', '+', eb.lit(1)) }))
    .where('day', '=', ofDay.where('human', '=', sql.lit(0)));
  const uncountOver = begun.set((eb) => ({ over: eb('over', '-', eb.lit(1)) })).where('day', '=', over);
  const countOver = begun.set((eb) => ({ over: eb('over', '+', eb.lit(1)) })).where('day', '=', over);
  const of = (query: typeof countHuman) => {
    const statement = compileStatement(query);
    return (id: number) => withValues(statement, [id]);
  };
  return { countHuman: of(countHuman), uncountOver: of(uncountOver), countOver: of(countOver) };
}
