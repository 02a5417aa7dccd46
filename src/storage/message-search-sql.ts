import { sql } from 'kysely';
import type { AliasedRawBuilder } from 'kysely';
import type { Statement } from './database.ts';
import { compileStatement, isPostgres } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { Phrase } from './message-words.ts';
import { quoted } from './search-terms.ts';
import { lexeme, placedVector } from './tsvector.ts';

/** What each database has its own words for in the index of messages. */
export interface MessageSearchSql {
  /** How many changes and how many older messages one unit takes in: all others wait for it. */
  atOnce: { events: number; messages: number };
  /** All of the phrases, as `newest` and `any` take them. */
  matchOf(phrases: readonly Phrase[]): string;
  /** Messages that match, the newest first. Its values: the match, how many, and how many before them are left out. */
  newest: AliasedRawBuilder<{ id: number }, 'found'>;
  /** Any messages that match. Its values: the match and how many. */
  any: AliasedRawBuilder<{ id: number }, 'found'>;
  /** The words of a text, as `put` takes them. */
  indexed(terms: Iterable<string>): string;
  /** Takes a message into the index, where there still is one. Its values: the words and the message's id. */
  put: Statement;
}

export function createMessageSearchSql(queries: Queries): MessageSearchSql {
  return isPostgres(queries) ? createPostgresSql(queries) : createSqliteSql(queries);
}

function createSqliteSql(queries: Queries): MessageSearchSql {
  const one = ({ terms, beginning }: Phrase) => `${quoted(terms.join(' '))}${beginning ? '*' : ''}`;
  return {
    atOnce: { events: 400, messages: 200 },
    matchOf: (phrases) => phrases.map(one).join(' AND '),
    newest: sql<{ id: number }>`(
      select rowid as id from message_search where message_search match ${''} order by rowid desc limit ${0} offset ${0}
    )`.as('found'),
    // FTS5 is twice as fast where their order does not matter.
    any: sql<{ id: number }>`(
      select rowid as id from message_search where message_search match ${''} limit ${0}
    )`.as('found'),
    indexed: (terms) => Array.from(terms).join(' '),
    put: compileStatement(
      queries
        .replaceInto('message_search')
        .columns(['rowid', 'words'])
        .expression(
          queries
            .selectFrom('messages')
            .select(({ val }) => ['id', val('').as('words')])
            .where('id', '=', 0),
        ),
    ),
  };
}

/** Where PostgreSQL puts the part of the index: no term has it. */
const part = '#';

function createPostgresSql(queries: Queries): MessageSearchSql {
  const one = ({ terms, beginning }: Phrase) =>
    `${terms.map((term) => lexeme(`${part}/${term}`)).join(' <-> ')}${beginning ? ':*' : ''}`;
  return {
    atOnce: { events: 100, messages: 50 },
    matchOf: (phrases) => phrases.map((phrase) => `(${one(phrase)})`).join(' & '),
    newest: sql<{ id: number }>`messages_with(${''}, ${0}, ${0})`.as('found'),
    any: sql<{ id: number }>`messages_with(${''}, ${0}, 0)`.as('found'),
    indexed: (terms) => placedVector(Iterator.from(terms).map((term) => `${part}/${term}`)),
    put: compileStatement(
      queries
        .insertInto('message_search')
        .columns(['rowid', 'words'])
        .expression(
          queries
            .selectFrom('messages')
            .select([
              'id',
              sql<string>`replace(${''}, ${sql.lit(part)}, search_part(id)::text)::tsvector`.as('words'),
            ])
            .where('id', '=', 0),
        )
        .onConflict((conflict) =>
          conflict.column('rowid').doUpdateSet(({ ref }) => ({ words: ref('excluded.words') })),
        ),
    ),
  };
}
