import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Client } from 'pg';
import { migratePostgres, named } from './migrate-postgres.ts';
import { migrations } from './migrations/list.ts';
import { openPostgresStorage } from './postgres-storage.ts';
import { temporarySchema, withoutPostgres } from './real-postgres.fixture.ts';
import { newUser } from './sample-rows.fixture.ts';

const now = () => 1000;
const names = migrations.map(({ name }) => name);

describe('migrations on PostgreSQL', { skip: withoutPostgres }, () => {
  it('are run once by nodes that start at the same time, which then share a store', async (test) => {
    const url = await temporarySchema(test);
    const ran = await Promise.all(Array.from({ length: 4 }, () => migratePostgres({ url, migrations, now })));
    assert.deepEqual(ran.flat().toSorted(), names);
    const stores = await Promise.all([1, 2].map(() => openPostgresStorage({ url, now })));
    for (const store of stores) test.after(() => store.close());
    const id = await stores[0]?.users.create(newUser());
    assert.equal((await stores[1]?.users.findById(id ?? 0))?.id, id);
  });

  it('that fail leave nothing behind', async (test) => {
    const url = await temporarySchema(test);
    const broken = {
      name: '9999-broken',
      sqlite: [],
      postgres: ['CREATE TABLE one (id int)', 'CREATE TABLE ('],
    };
    await assert.rejects(migratePostgres({ url, migrations: [broken], now }), { code: 'unavailable' });
    const whole = { ...broken, postgres: ['CREATE TABLE one (id int)'] };
    assert.deepEqual(await migratePostgres({ url, migrations: [whole], now }), ['9999-broken']);
  });

  it('of a newer version are left as they are', async (test) => {
    const url = await temporarySchema(test);
    const newer = { name: '9999-newer', sqlite: [], postgres: [] };
    await migratePostgres({ url, migrations: [newer], now });
    await assert.rejects(
      migratePostgres({ url, migrations, now }),
      /written by a newer version of Parley: it has 9999-newer/,
    );
  });

  it('say in one line where the database is wrong, without its password', async (test) => {
    const url = await temporarySchema(test);
    const missing = url.replace(/test_\w+/, 'no_such_schema');
    await assert.rejects(
      migratePostgres({ url: missing, migrations, now }),
      /has no schema for Parley's tables/,
    );
    const elsewhere = 'postgres://parley:s3cret@127.0.0.1:1/parley';
    await assert.rejects(migratePostgres({ url: elsewhere, migrations, now }), (thrown: Error) => {
      assert.match(
        thrown.message,
        /^The database postgres:\/\/parley@127\.0\.0\.1:1\/parley cannot be used: .*ECONNREFUSED/,
      );
      return true;
    });
    assert.equal(named('postgresql://u:p%40@h/d'), 'postgresql://u@h/d');
    assert.equal(named('postgres://u@h/d?options=a:b@c'), 'postgres://u@h/d?options=a:b@c');
  });

  it('leave a database that another program uses as it is', async (test) => {
    const url = await temporarySchema(test);
    const client = new Client({ connectionString: url });
    await client.connect();
    test.after(() => client.end());
    await client.query('CREATE TABLE users (id int)');
    await assert.rejects(migratePostgres({ url, migrations, now }), /users/);
    const { rows } = await client.query(
      "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'users'",
    );
    assert.deepEqual(rows, []);
  });
});
