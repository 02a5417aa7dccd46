import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { Client } from 'pg';
import { customersSuite } from './customers.suite.ts';
import { messageSearchSuite } from './message-search.suite.ts';
import type { SearchedStore } from './message-search.suite.ts';
import { openPostgresStorage } from './postgres-storage.ts';
import { emptySchema, withoutPostgres } from './real-postgres.fixture.ts';
import { placedVector, plainVector } from './tsvector.ts';

/** Somebody beside those who have opened a store. */
async function beside<Result>(url: string, use: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

const prepare = (test: TestContext): SearchedStore => {
  const url = emptySchema(test);
  return {
    open: async () => openPostgresStorage({ url: await url }),
    run: async (sql) => void (await beside(await url, (client) => client.query(sql))),
  };
};

describe('on PostgreSQL', { skip: withoutPostgres }, () => {
  messageSearchSuite('postgres', prepare);
  customersSuite('postgres', prepare);
  describe('the messages of an index', indexTests);
  describe('what an index takes', vectorTests);
});

function indexTests(): void {
  it('are read a part at a time, however often a word was said', async (test) => {
    const url = await emptySchema(test);
    const looked = (match: string) =>
      beside(url, async (client) => {
        await client.query('BEGIN');
        const found = await client.query<{ id: string }>('SELECT id FROM messages_with($1, 3, 1)', [match]);
        const { rows } = await client.query<{ whole: number | null; messages: string }>(
          `SELECT seq_scan AS whole, idx_tup_fetch AS messages FROM pg_stat_xact_user_tables
           WHERE schemaname = current_schema() AND relname = 'message_search'`,
        );
        return {
          found: found.rows.map(({ id }) => Number(id)),
          whole: Number(rows[0]?.whole),
          messages: Number(rows[0]?.messages),
        };
      });
    await beside(url, (client) =>
      client.query(
        `INSERT INTO message_search (rowid, words)
         SELECT n, format('%s/often:1 %s/%s:2', n >> 14, n >> 14, n)::tsvector FROM generate_series(1, 33000) AS n`,
      ),
    );
    const often = await looked(`'#/often'`);
    assert.deepEqual([often.found, often.whole], [[32_999, 32_998, 32_997], 0]);
    assert.ok(often.messages <= 33_000 - 2 ** 15 + 3, `${often.messages} rows were read`);
    const once = await looked(`'#/often' <-> '#/5':*`);
    assert.deepEqual([once.found.length, once.whole], [3, 0]);
    // Beside the oldest and the newest of all, to know where to begin and end.
    const rare = await looked(`'#/7':* & '#/often' & '#/77'`);
    assert.deepEqual(rare, { found: [], whole: 0, messages: 1 + 2 });
  });
}

function vectorTests(): void {
  it('is any text', async (test) => {
    const url = await emptySchema(test);
    await beside(url, (client) =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 })),
          async (texts) => {
            const whole = texts.filter((text) => !text.includes('\0'));
            const { rows } = await client.query<{ lexemes: string[] }>(
              'SELECT tsvector_to_array($1::tsvector) AS lexemes',
              [plainVector([...whole, "'", '\\', "\\'"])],
            );
            assert.deepEqual(
              rows[0]?.lexemes.toSorted(),
              [...new Set([...whole, "'", '\\', "\\'"])].toSorted(),
            );
          },
        ),
      ),
    );
  });

  it('has words in their places as far as PostgreSQL counts, and never a phrase that was not said', async (test) => {
    const url = await emptySchema(test);
    const filler = Array.from({ length: 16_380 }, (_, n) => `f${n}`);
    const long = placedVector([...filler, 'a', 'b', 'c', 'd', 'e', 'a', 'e']);
    const often = placedVector(Array.from({ length: 600 }, () => ['the', 'same']).flat());
    await beside(url, async (client) => {
      const has = async (vector: string, query: string) =>
        (await client.query<{ has: boolean }>('SELECT $1::tsvector @@ $2::tsquery AS has', [vector, query]))
          .rows[0]?.has;
      for (const [query, expected] of [
        ['f0 <-> f1', true],
        ['a <-> b <-> c', true],
        ['e', true],
        ['c <-> d', false],
        ['c <-> e', false],
        ['b <-> e', false],
        ['f5 & e', true],
      ] as const) {
        assert.equal(await has(long, query), expected, query);
      }
      assert.equal(await has(often, 'the <-> same <-> the'), true);
      assert.equal(await has(often, 'the <-> the'), false);
      const huge = placedVector(Array.from({ length: 200_000 }, (_, n) => `${n}${'ü'.repeat(20)}`));
      assert.equal(await has(huge, `'0${'ü'.repeat(20)}'`), true);
    });
  });
}
