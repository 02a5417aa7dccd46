import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openStorage } from '../../storage/storage.ts';
import { createIdempotency } from '../idempotency.ts';
import { createFakeRuntime } from '../runtime.fixture.ts';
import { createRuntime } from '../runtime.ts';
import { createApiKeys, type NewApiKey } from './api-keys.ts';

const began = Date.UTC(2026, 8, 21, 12);

function createTested(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'parley-keys-'));
  const path = join(folder, 'parley.db');
  const open: { close(): Promise<void> }[] = [];
  t.after(async () => {
    for (const storage of open) await storage.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const clock = { ...createFakeRuntime(began), token: createRuntime().token };
  const runtime = { ...clock, now: () => clock.time };
  /** As another process has it: a connection of its own, the same time. */
  const connect = async () => {
    const storage = await openStorage({ path });
    open.push(storage);
    const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
    return { keys: createApiKeys({ rows: storage.apiKeys, idempotency, runtime }), storage };
  };
  return { clock, connect, path };
}

const wanted = (changes: Partial<NewApiKey> = {}): NewApiKey => ({
  name: 'laptop',
  scopes: ['completions', 'cache'],
  expiresAt: null,
  requestsPerMinute: 60,
  ...changes,
});

describe('a key', () => {
  it('is known by its secret, with what it was made with', async (t) => {
    const { connect } = createTested(t);
    const { keys } = await connect();
    const { id, secret } = await keys.create(wanted());
    assert.match(secret, /^pk_[\w-]{43}$/);
    assert.deepEqual(await keys.verify(secret), {
      id,
      name: 'laptop',
      scopes: ['completions', 'cache'],
      expiresAt: null,
      budget: null,
      requestsPerMinute: 60,
      prefix: secret.slice(0, 10),
      createdAt: began,
      revokedAt: null,
      lastUsedAt: null,
    });
  });

  it('may have no scopes at all', async (t) => {
    const { keys } = await createTested(t).connect();
    const { secret } = await keys.create(wanted({ scopes: [] }));
    assert.deepEqual((await keys.verify(secret)).scopes, []);
  });

  it('is refused where it is not known, without saying what was sent', async (t) => {
    const { keys } = await createTested(t).connect();
    const { secret } = await keys.create(wanted());
    for (const wrong of ['pk_nobody', '', secret.slice(0, -1), `${secret}x`, secret.toLowerCase()]) {
      await assert.rejects(keys.verify(wrong), {
        code: 'unauthorized',
        message: 'The API key is not known.',
      });
    }
  });

  it('expires to the millisecond, though it was believed before', async (t) => {
    const { connect, clock } = createTested(t);
    const { keys } = await connect();
    const { secret } = await keys.create(wanted({ expiresAt: began + 100 }));
    clock.time = began + 99;
    await keys.verify(secret);
    clock.time = began + 100;
    await assert.rejects(keys.verify(secret), { code: 'unauthorized', message: 'The API key has expired.' });
  });

  it('that is revoked here stops at once', async (t) => {
    const { connect, clock } = createTested(t);
    const { keys } = await connect();
    const { id, secret } = await keys.create(wanted());
    const other = await keys.create(wanted());
    await keys.verify(secret);
    clock.time += 5;
    assert.equal(await keys.revoke(id), true);
    await assert.rejects(keys.verify(secret), { code: 'unauthorized', message: 'The API key was revoked.' });
    await keys.verify(other.secret);
    assert.deepEqual(
      (await keys.list()).map(({ revokedAt }) => revokedAt),
      [null, began + 5],
    );
  });

  it('that is revoked elsewhere stops within a second', async (t) => {
    const { connect, clock } = createTested(t);
    const here = await connect();
    const there = await connect();
    const { id, secret } = await here.keys.create(wanted());
    await here.keys.verify(secret);
    await there.keys.revoke(id);
    await here.keys.verify(secret);
    clock.time += 1_001;
    await assert.rejects(here.keys.verify(secret), { message: 'The API key was revoked.' });
  });

  it('is revoked once', async (t) => {
    const { keys } = await createTested(t).connect();
    const { id } = await keys.create(wanted());
    assert.deepEqual(
      [await keys.revoke(id), await keys.revoke(id), await keys.revoke(999)],
      [true, false, false],
    );
  });

  it('is made once however often it is asked for, and a repeat says which it was', async (t) => {
    const { connect } = createTested(t);
    const { keys, storage } = await connect();
    const repeat = { key: 'one', fingerprint: 'same' };
    const made = await keys.create(wanted(), 'command line', repeat);
    await assert.rejects(keys.create(wanted(), 'command line', repeat), (thrown: Error) => {
      assert.ok('code' in thrown && thrown.code === 'conflict');
      assert.match(thrown.message, new RegExp(`API key ${made.id} \\(pk_`));
      assert.ok(!thrown.message.includes(made.secret));
      return true;
    });
    assert.equal((await keys.list()).length, 1);
    const { entries } = await storage.auditLog.list({}, { skip: 0, limit: 10 });
    assert.equal(entries.length, 1);
  });

  it('leaves entries in the audit log, which say nothing of its secret', async (t) => {
    const { connect } = createTested(t);
    const { keys, storage } = await connect();
    const made = await keys.create(wanted(), 'command line');
    assert.equal(await keys.revoke(made.id, 'command line'), true);
    assert.equal(await keys.revoke(made.id, 'command line'), false);
    const { entries } = await storage.auditLog.list({}, { skip: 0, limit: 10 });
    assert.deepEqual(
      entries.map(({ action, targetType, targetId, actorName }) => [action, targetType, targetId, actorName]),
      [
        ['api_key.revoke', 'api_key', String(made.id), 'command line'],
        ['api_key.create', 'api_key', String(made.id), 'command line'],
      ],
    );
    assert.doesNotMatch(JSON.stringify(entries), /pk_/u);
  });

  it('is believed for a second without asking the store again', async (t) => {
    const { connect, clock } = createTested(t);
    const { storage } = await connect();
    let asked = 0;
    const rows = {
      ...storage.apiKeys,
      findByHash: (hash: string) => (asked++, storage.apiKeys.findByHash(hash)),
    };
    const runtime = { ...createFakeRuntime(), now: () => clock.time };
    const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
    const keys = createApiKeys({ rows, idempotency, runtime });
    const { secret } = await keys.create(wanted());
    await keys.verify(secret);
    clock.time += 1_000;
    await keys.verify(secret);
    assert.equal(asked, 1);
    clock.time += 1;
    await keys.verify(secret);
    assert.equal(asked, 2);
  });
});

describe('the list of keys', () => {
  it('has the newest first, and never a secret or its hash', async (t) => {
    const { keys } = await createTested(t).connect();
    const made = [await keys.create(wanted({ name: 'a' })), await keys.create(wanted({ name: 'b' }))];
    const list = await keys.list();
    assert.deepEqual(
      list.map(({ name }) => name),
      ['b', 'a'],
    );
    const text = JSON.stringify([list, await keys.verify(made[0]!.secret)]);
    for (const { secret } of made) assert.equal(text.includes(secret.slice(11)), false);
    assert.doesNotMatch(text, /hash|[0-9a-f]{64}/);
  });

  it('says when keys were last used, once that is flushed', async (t) => {
    const { connect, clock } = createTested(t);
    const { keys } = await connect();
    const { secret } = await keys.create(wanted());
    await keys.create(wanted({ name: 'never used' }));
    await keys.verify(secret);
    clock.time += 500;
    await keys.verify(secret);
    await keys.flush();
    assert.deepEqual(
      (await keys.list()).map(({ lastUsedAt }) => lastUsedAt),
      [null, began + 500],
    );
  });
});

it('no secret is on disk', async (t) => {
  const { connect, path } = createTested(t);
  const { keys, storage } = await connect();
  const { secret } = await keys.create(wanted());
  await storage.close();
  const bytes = readFileSync(path, 'latin1');
  assert.ok(bytes.includes(secret.slice(0, 10)), 'the prefix is');
  assert.equal(bytes.includes(secret.slice(3)), false);
});
