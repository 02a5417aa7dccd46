import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { NewCacheEntry } from './cache-entries.ts';
import { isTakenClaim } from './idempotency-keys.ts';
import { newCall, newEntry, newKey, newLogin, newUser, newUserRest } from './sample-rows.fixture.ts';
import type { Storage } from './storage.ts';

/** One empty store, which can be opened again after it was closed. */
export interface StorageUnderTest {
  open(): Promise<Storage>;
}

/** What every kind of storage must do; `prepare` gives each test a store of its own and cleans up after it. */
export function storageSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function openOne(test: TestContext): Promise<Storage> {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    return storage;
  }

  describe(`${kind}: api calls`, () => apiCallTests(openOne));
  describe(`${kind}: usage totals`, () => totalTests(openOne));
  describe(`${kind}: api keys`, () => apiKeyTests(openOne));
  describe(`${kind}: users`, () => userTests(openOne));
  describe(`${kind}: logins`, () => loginTests(openOne));
  describe(`${kind}: cache entries`, () => cacheEntryTests(openOne));
  describe(`${kind}: settings and life`, () => {
    settingTests(openOne);
    lifeTests(prepare);
  });
}

type OpenOne = (test: TestContext) => Promise<Storage>;

function apiCallTests(openOne: OpenOne): void {
  it('returns a recorded call as it was given', async (test) => {
    const { apiCalls } = await openOne(test);
    const full = newCall({
      userId: 3,
      conversationId: 4,
      messageId: 5,
      estimated: true,
      errorCode: 'cancelled',
    });
    await apiCalls.record(full);
    assert.deepEqual(await apiCalls.list({ limit: 10 }), [{ id: 1, ...full }]);
  });

  it('rounds fractions of milliseconds', async (test) => {
    const { apiCalls } = await openOne(test);
    await apiCalls.record(newCall({ durationMs: 12.6, firstTokenMs: 3.2, costNano: 0.4 }));
    const [call] = await apiCalls.list({ limit: 1 });
    assert.deepEqual([call?.durationMs, call?.firstTokenMs, call?.costNano], [13, 3, 0]);
  });

  it('lists the newest day first, and within a day what was recorded last', async (test) => {
    const { apiCalls } = await openOne(test);
    for (let i = 0; i < 25; i++) {
      // A call that ends after midnight is recorded after calls of the new day.
      await apiCalls.record(newCall({ day: i % 3 === 0 ? '2026-09-21' : '2026-09-22', requestId: `r${i}` }));
    }
    const all = await apiCalls.list({ limit: 100 });
    const sorted = all.toSorted((a, b) => (a.day === b.day ? b.id - a.id : a.day < b.day ? 1 : -1));
    assert.deepEqual(all, sorted);
  });

  it('filters by owner, model and days, alone and together', async (test) => {
    const { apiCalls } = await openOne(test);
    await apiCalls.record(newCall({ requestId: 'a' }));
    await apiCalls.record(newCall({ requestId: 'b', owner: 'user:3', userId: 3, apiKeyId: null }));
    await apiCalls.record(newCall({ requestId: 'c', model: 'claude', day: '2026-09-23' }));
    const found = async (filter: object) =>
      (await apiCalls.list({ limit: 10, ...filter })).map(({ requestId }) => requestId).join('');
    assert.equal(await found({ owner: 'key:7' }), 'ca');
    assert.equal(await found({ model: 'claude' }), 'c');
    assert.equal(await found({ fromDay: '2026-09-22' }), 'c');
    assert.equal(await found({ toDay: '2026-09-22' }), 'ba');
    assert.equal(await found({ fromDay: '2026-09-21', toDay: '2026-09-21', owner: 'key:7' }), 'a');
    assert.equal(await found({ owner: 'nobody' }), '');
  });
}

function totalTests(openOne: OpenOne): void {
  it('adds calls up by outcome, and never adds two currencies', async (test) => {
    const { apiCalls } = await openOne(test);
    await apiCalls.record(newCall());
    await apiCalls.record(newCall({ promptTokens: 1, completionTokens: 2, costNano: 3, durationMs: 4 }));
    await apiCalls.record(newCall({ outcome: 'failure', costNano: 0 }));
    await apiCalls.record(newCall({ currency: 'CNY', costNano: 5 }));
    const totals = await apiCalls.totals({}, ['outcome']);
    const call = { promptTokens: 120, completionTokens: 40, durationMs: 812 };
    assert.deepEqual(totals, [
      { outcome: 'failure', currency: 'USD', calls: 1, costNano: 0, ...call },
      { outcome: 'success', currency: 'CNY', calls: 1, costNano: 5, ...call },
      {
        outcome: 'success',
        currency: 'USD',
        calls: 2,
        promptTokens: 121,
        completionTokens: 42,
        costNano: 42_003,
        durationMs: 816,
      },
    ]);
  });

  it('filters and breaks down by day and model', async (test) => {
    const { apiCalls } = await openOne(test);
    await apiCalls.record(newCall({ day: '2026-09-20', userId: 3 }));
    await apiCalls.record(newCall({ day: '2026-09-21', model: 'claude' }));
    await apiCalls.record(
      newCall({ day: '2026-09-22', owner: 'anonymous', apiKeyId: null, contract: 'openai' }),
    );
    const counted = async (filter: object) => (await apiCalls.totals(filter))[0]?.calls;
    assert.equal(await counted({}), 3);
    assert.equal(await counted({ fromDay: '2026-09-21', toDay: '2026-09-21' }), 1);
    assert.equal(await counted({ userId: 3 }), 1);
    assert.equal(await counted({ apiKeyId: 7 }), 2);
    assert.equal(await counted({ owner: 'anonymous' }), 1);
    assert.equal(await counted({ contract: 'openai' }), 1);
    assert.equal(await counted({ model: 'none' }), undefined);
    const lines = await apiCalls.totals({}, ['day', 'model']);
    assert.deepEqual(
      lines.map(({ day, model, calls }) => `${day} ${model} ${calls}`),
      ['2026-09-20 gpt-4o-mini 1', '2026-09-21 claude 1', '2026-09-22 gpt-4o-mini 1'],
    );
  });

  it('counts every one of many calls at once', async (test) => {
    const { apiCalls } = await openOne(test);
    await Promise.all(
      Array.from({ length: 500 }, (_, i) => apiCalls.record(newCall({ requestId: `r${i}` }))),
    );
    assert.equal((await apiCalls.totals({}))[0]?.calls, 500);
    assert.equal((await apiCalls.list({ limit: 1000 })).length, 500);
  });
}

function apiKeyTests(openOne: OpenOne): void {
  it('finds a key by its hash only', async (test) => {
    const { apiKeys } = await openOne(test);
    const made = await apiKeys.create(newKey({ requestsPerMinute: 60, expiresAt: 5000 }));
    const expected = {
      id: 1,
      ...newKey({ requestsPerMinute: 60, expiresAt: 5000 }),
      revokedAt: null,
      lastUsedAt: null,
    };
    assert.equal(made, 1);
    assert.deepEqual(await apiKeys.findByHash('hash-1'), expected);
    assert.equal(await apiKeys.findByHash('pk_abc'), undefined);
  });

  it('refuses a hash that exists', async (test) => {
    const { apiKeys } = await openOne(test);
    await apiKeys.create(newKey());
    await assert.rejects(apiKeys.create(newKey({ name: 'other' })), {
      code: 'conflict',
      constraint: 'api_keys.hash',
    });
  });

  it('revokes once', async (test) => {
    const { apiKeys } = await openOne(test);
    await apiKeys.create(newKey());
    assert.equal(await apiKeys.revoke(1, 2000), true);
    assert.equal(await apiKeys.revoke(1, 3000), false);
    assert.equal(await apiKeys.revoke(99, 3000), false);
    assert.equal((await apiKeys.findByHash('hash-1'))?.revokedAt, 2000);
  });

  it('notes the latest use and lists newest first', async (test) => {
    const { apiKeys } = await openOne(test);
    await apiKeys.create(newKey());
    await apiKeys.create(newKey({ hash: 'hash-2' }));
    await apiKeys.touch(1, 2000);
    await apiKeys.touch(1, 1500);
    const listed = await apiKeys.list();
    assert.deepEqual(
      listed.map(({ id, lastUsedAt }) => [id, lastUsedAt]),
      [
        [2, null],
        [1, 2000],
      ],
    );
  });
}

function userTests(openOne: OpenOne): void {
  it('finds an account by name, address and id, in any case', async (test) => {
    const { users } = await openOne(test);
    const id = await users.create(newUser());
    const made = { id, ...newUser(), ...newUserRest };
    for (const login of ['ada', 'ADA', 'ada@example.com', 'ADA@EXAMPLE.COM']) {
      assert.deepEqual(await users.findByLogin(login), made);
    }
    assert.deepEqual(await users.findById(id), made);
    assert.equal(await users.findByLogin('bob'), undefined);
    assert.equal(await users.findById(2), undefined);
  });

  it('keeps a nickname and a telephone number', async (test) => {
    const { users } = await openOne(test);
    const given = { nickname: '小明', phone: '+86 138 0013 8000' };
    const id = await users.create(newUser(given));
    assert.deepEqual(await users.findById(id), { id, ...newUser(), ...newUserRest, ...given });
    assert.equal(await users.remove(id, 5000), true);
    assert.equal(await users.findById(id), undefined);
  });

  it('says which of name and address is taken', async (test) => {
    const { users } = await openOne(test);
    await users.create(newUser());
    const sameName = newUser({ username: 'aDa', email: 'b@example.com' });
    const sameEmail = newUser({ username: 'bob', email: 'ADA@example.COM' });
    await assert.rejects(users.create(sameName), { code: 'conflict', constraint: 'users.username_key' });
    await assert.rejects(users.create(sameEmail), { code: 'conflict', constraint: 'users.email_key' });
  });

  it('stores an account together with its claim, which names it, or neither', async (test) => {
    const { users, idempotencyKeys } = await openOne(test);
    const claim = { owner: 'ip:::1', key: 'k', fingerprint: 'f', expiresAt: 9_000_000_000_000 };
    const id = await users.create(newUser(), claim);
    assert.deepEqual((await idempotencyKeys.find('ip:::1', 'k', 0))?.result, { userId: id });
    const bob = newUser({ username: 'bob', email: 'bob@example.com' });
    await assert.rejects(users.create(bob, claim), isTakenClaim);
    await assert.rejects(users.create(newUser(), { ...claim, key: 'k2' }), {
      constraint: 'users.email_key',
    });
    assert.equal(await idempotencyKeys.find('ip:::1', 'k2', 0), undefined);
    assert.equal((await users.list()).length, 1);
  });

  it('lets only one of two simultaneous registrations win', async (test) => {
    const { users } = await openOne(test);
    const outcomes = await Promise.allSettled([users.create(newUser()), users.create(newUser())]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
  });

  it('prefers the owner of an address to one who took it as a name', async (test) => {
    const { users } = await openOne(test);
    await users.create(newUser({ username: 'ada@example.com', email: 'mallory@example.com' }));
    await users.create(newUser());
    assert.equal((await users.findByLogin('ada@example.com'))?.id, 2);
  });

  it('counts administrators and knows the first', async (test) => {
    const { users } = await openOne(test);
    assert.equal(await users.countAdmins(), 0);
    assert.equal(await users.firstAdmin(), undefined);
    await users.create(newUser());
    await users.create(newUser({ username: 'root', email: 'root@example.com', role: 'admin' }));
    await users.create(newUser({ username: 'toor', email: 'toor@example.com', role: 'admin' }));
    assert.equal(await users.countAdmins(), 2);
    assert.equal((await users.firstAdmin())?.username, 'root');
  });

  it('lists accounts in the order of their making', async (test) => {
    const { users } = await openOne(test);
    await users.create(newUser());
    await users.create(newUser({ username: 'Bob', email: 'bob@example.com' }));
    assert.deepEqual(await users.list(), [
      { id: 1, ...newUser(), ...newUserRest },
      { id: 2, ...newUser({ username: 'Bob', email: 'bob@example.com' }), ...newUserRest },
    ]);
  });

  it('changes a password and revokes the logins of this account only', async (test) => {
    const { users, logins } = await openOne(test);
    await users.create(newUser());
    await users.create(newUser({ username: 'Bob', email: 'bob@example.com' }));
    const hers = await logins.create(newLogin(), newUser().passwordHash);
    const his = await logins.create(
      newLogin({ userId: 2, refreshHash: 'refresh-2' }),
      newUser().passwordHash,
    );
    assert.equal(await users.change({ id: 1, passwordHash: 'another', at: 5000 }), true);
    assert.equal(await users.change({ id: 99, passwordHash: 'another', at: 5000 }), false);
    const user = await users.findById(1);
    assert.deepEqual([user?.passwordHash, user?.updatedAt], ['another', 5000]);
    assert.equal((await logins.findById(hers ?? 0))?.revokedAt, 5000);
    assert.equal((await logins.findById(his ?? 0))?.revokedAt, null);
  });

  it('disables and enables, and revokes the logins with it', async (test) => {
    const { users, logins } = await openOne(test);
    await users.create(newUser());
    const id = (await logins.create(newLogin(), newUser().passwordHash)) ?? 0;
    assert.equal(await users.change({ id: 1, status: 'disabled', at: 5000 }), true);
    const login = await logins.findById(id);
    assert.deepEqual([login?.status, login?.revokedAt], ['disabled', 5000]);
    assert.equal(await users.change({ id: 1, status: 'active', at: 6000 }), true);
    assert.equal((await logins.findById(id))?.revokedAt, 5000, 'what was revoked stays so');
    assert.equal(await users.change({ id: 99, status: 'active', at: 6000 }), false);
  });

  it('keeps the last active administrator, also where two disable each other at once', async (test) => {
    const { users, logins } = await openOne(test);
    await users.create(newUser({ role: 'admin' }));
    await users.create(newUser({ username: 'root', email: 'root@example.com', role: 'admin' }));
    const login = (await logins.create(newLogin({ userId: 2 }), newUser().passwordHash)) ?? 0;
    const done = await Promise.all([
      users.change({ id: 1, status: 'disabled', at: 5000 }),
      users.change({ id: 2, status: 'disabled', at: 5000 }),
    ]);
    assert.deepEqual(done, [true, false]);
    assert.equal((await logins.findById(login))?.revokedAt, null, 'a refused change changes nothing');
  });
}

function loginTests(openOne: OpenOne): void {
  const { passwordHash } = newUser();

  it('are found by id and refresh token, with what the user is now; the user remembers the last', async (test) => {
    const { users, logins } = await openOne(test);
    await users.create(newUser());
    const id = (await logins.create(newLogin(), passwordHash)) ?? 0;
    const expected = { id, ...newLogin(), revokedAt: null, role: 'user', status: 'active' };
    assert.deepEqual(await logins.findById(id), expected);
    assert.deepEqual(await logins.findByRefreshHash('refresh-1'), expected);
    assert.equal(await logins.findByRefreshHash('refresh-2'), undefined);
    assert.equal(await logins.findById(id + 1), undefined);
    assert.equal((await users.findById(1))?.lastLoginAt, 2000);
  });

  it('are not made where the password was changed or the user disabled meanwhile', async (test) => {
    const { users, logins } = await openOne(test);
    await users.create(newUser());
    assert.equal(await logins.create(newLogin(), 'an older hash'), undefined);
    assert.equal(await logins.create(newLogin({ userId: 99 }), passwordHash), undefined);
    await users.change({ id: 1, status: 'disabled', at: 1000 });
    assert.equal(await logins.create(newLogin(), passwordHash), undefined);
    assert.equal((await users.findById(1))?.lastLoginAt, null);
  });

  it('refuse a refresh token that another has', async (test) => {
    const { users, logins } = await openOne(test);
    await users.create(newUser());
    await logins.create(newLogin(), passwordHash);
    await assert.rejects(logins.create(newLogin(), passwordHash), {
      code: 'conflict',
      constraint: 'logins.refresh_hash',
    });
  });

  it('are revoked once', async (test) => {
    const { users, logins } = await openOne(test);
    await users.create(newUser());
    const id = (await logins.create(newLogin(), passwordHash)) ?? 0;
    assert.deepEqual([await logins.revoke(id, 3000), await logins.revoke(id, 4000)], [true, false]);
    assert.equal(await logins.revoke(99, 3000), false);
    assert.equal((await logins.findById(id))?.revokedAt, 3000);
    assert.equal((await logins.findByRefreshHash('refresh-1'))?.revokedAt, 3000);
  });

  it('are forgotten once they expired, and their ids never given again', async (test) => {
    const { users, logins } = await openOne(test);
    await users.create(newUser());
    await logins.create(newLogin({ refreshHash: 'later', expiresAt: 9001 }), passwordHash);
    const id = (await logins.create(newLogin({ expiresAt: 8999 }), passwordHash)) ?? 0;
    assert.equal(await logins.removeExpired(9000), 1);
    assert.equal(await logins.findById(id), undefined);
    assert.ok(await logins.findByRefreshHash('later'));
    assert.equal(await logins.create(newLogin(), passwordHash), id + 1);
  });
}

function cacheEntryTests(openOne: OpenOne): void {
  const openEntries = async (test: TestContext) => {
    const { cacheEntries } = await openOne(test);
    const put = async (changes: Partial<NewCacheEntry> = {}, known = 0) =>
      (await cacheEntries.put(newEntry(changes), known)) as number;
    const all = () => cacheEntries.loadPage(null, 100);
    const keysLeft = async () => (await all()).map(({ exactKey }) => exactKey);
    return { cacheEntries, put, all, keysLeft };
  };
  const always = { after: 0, upTo: 1e9 };
  const note = { now: 1000, expiresAt: 9000 };

  it('gives an entry back byte for byte', async (test) => {
    const { put, all } = await openEntries(test);
    const revision = await put();
    const other = { exactKey: 'exact-2', embedding: null, lastUsedAt: 2000 };
    const later = await put(other);
    assert.deepEqual(
      (await all()).map(({ id: _id, ...row }) => row),
      [
        { revision, ...newEntry() },
        { revision: later, ...newEntry(other) },
      ],
    );
  });

  it('replaces an entry of the same exact key, under the next revision', async (test) => {
    const { put, all } = await openEntries(test);
    assert.deepEqual([await put(), await put({ exactKey: 'exact-2' })], [1, 2]);
    const changed = { answer: '{"text":"new"}', prompt: 'p', lastUsedAt: 5, embedding: null, bytes: 1 };
    assert.equal(await put(changed), 3);
    const page = await all();
    assert.deepEqual(page[0], { id: page[0]?.id, revision: 3, ...newEntry(changed) });
    assert.equal(page.length, 2);
  });

  it('pages from the least to the most recently used', async (test) => {
    const { cacheEntries, put } = await openEntries(test);
    const revisions: number[] = [];
    for (let i = 0; i < 7; i++) {
      revisions.push(await put({ exactKey: `e${i}`, lastUsedAt: i < 5 ? 100 : 50 }));
    }
    await cacheEntries.touch([revisions[0] as number, revisions[2] as number], 200);
    await cacheEntries.touch([revisions[0] as number], 150);
    const seen: number[] = [];
    for (let page = await cacheEntries.loadPage(null, 2); page.length > 0;) {
      seen.push(...page.map(({ revision }) => revision));
      assert.ok(page.length <= 2);
      const last = page.at(-1);
      page = last ? await cacheEntries.loadPage(last, 2) : [];
    }
    assert.deepEqual(
      seen,
      [5, 6, 1, 3, 4, 0, 2].map((position) => revisions[position]),
    );
  });

  it('removes by revision, by expiry and altogether', async (test) => {
    const { cacheEntries, put, keysLeft } = await openEntries(test);
    for (let i = 0; i < 6; i++) await put({ exactKey: `e${i}`, expiresAt: 1000 + i });
    assert.equal(await cacheEntries.remove([]), 0);
    await cacheEntries.touch([], 1);
    assert.equal(await cacheEntries.remove([6, 12345]), 1);
    assert.equal(await cacheEntries.removeExpired(1001), 2);
    assert.deepEqual(await keysLeft(), ['e2', 'e3', 'e4']);
    const cleared = await cacheEntries.clear({ now: 1002, expiresAt: 9000 });
    assert.deepEqual(cleared, { revision: 7, removed: 2 });
    assert.deepEqual(await keysLeft(), []);
  });

  it('does not touch or remove what has replaced an entry', async (test) => {
    const { cacheEntries, put, all } = await openEntries(test);
    const replaced = await put();
    await put();
    await cacheEntries.touch([replaced], 5e12);
    assert.equal(await cacheEntries.remove([replaced]), 0);
    assert.deepEqual(
      (await all()).map(({ revision, lastUsedAt }) => [revision, lastUsedAt]),
      [[2, newEntry().lastUsedAt]],
    );
  });

  it('never gives a revision again, whatever is removed', async (test) => {
    const { cacheEntries, put } = await openEntries(test);
    assert.equal(await put(), 1);
    await cacheEntries.remove([1]);
    assert.equal(await put({ expiresAt: 5 }), 2);
    await cacheEntries.removeExpired(5);
    assert.equal(await put(), 3);
    await cacheEntries.clear(note);
    assert.equal(await put({}, 4), 5);
  });

  it('tells what was kept and cleared since a revision', async (test) => {
    const { cacheEntries, put } = await openEntries(test);
    assert.equal(await cacheEntries.revision(), 0);
    for (const key of ['a', 'b', 'c']) await put({ exactKey: key, prompt: key.toUpperCase() });
    await put({ exactKey: 'a', prompt: 'A' });
    assert.equal(await cacheEntries.noteClear({ pattern: 'x*', ...note }), 5);
    assert.equal(await cacheEntries.revision(), 5);
    const keys = async (after: number, upTo: number, limit = 9) =>
      (await cacheEntries.keptIn({ after, upTo }, limit)).map(({ exactKey }) => exactKey);
    assert.deepEqual(await keys(0, 5), ['b', 'c', 'a']);
    assert.deepEqual(await keys(2, 3), ['c']);
    assert.deepEqual(await keys(0, 5, 1), ['b']);
    assert.deepEqual(await cacheEntries.promptsIn({ after: 2, upTo: 5 }, 9), [
      { revision: 3, prompt: 'C' },
      { revision: 4, prompt: 'A' },
    ]);
    const clear = { revision: 5, pattern: 'x*', expiresAt: 9000 };
    assert.deepEqual(await cacheEntries.clearsIn(always), [clear]);
    assert.deepEqual(await cacheEntries.clearsIn({ after: 5, upTo: 9 }), []);
  });

  it('keeps nothing for whoever does not know of a clear', async (test) => {
    const { cacheEntries, put, keysLeft } = await openEntries(test);
    await put();
    const revision = await cacheEntries.noteClear({ pattern: 'x*', ...note });
    assert.equal(await put({ exactKey: 'late' }, revision - 1), null);
    assert.deepEqual(await keysLeft(), [newEntry().exactKey]);
    assert.equal(await put({ exactKey: 'late' }, revision), revision + 1);
  });

  it('notes the last clear of each pattern, until a clear of everything or its time', async (test) => {
    const { cacheEntries, put } = await openEntries(test);
    const noted = async () =>
      (await cacheEntries.clearsIn(always)).map(({ revision, pattern }) => `${revision} ${pattern}`);
    for (const pattern of ['x*', 'y*', 'x*']) await cacheEntries.noteClear({ pattern, ...note });
    assert.deepEqual(await noted(), ['2 y*', '3 x*']);
    await cacheEntries.noteClear({ pattern: 'z*', now: 9000, expiresAt: 9999 });
    assert.deepEqual(await noted(), ['4 z*']);
    await put({}, 4);
    assert.deepEqual(await cacheEntries.clear({ now: 1, expiresAt: 2 }), { revision: 6, removed: 1 });
    assert.deepEqual(await noted(), ['6 *']);
  });
}

function settingTests(openOne: OpenOne): void {
  it('returns a setting as it was last set', async (test) => {
    const { settings } = await openOne(test);
    assert.equal(await settings.get('secret'), undefined);
    await settings.set('secret', { value: ['ä', 1, null] }, 1000);
    assert.deepEqual(await settings.get('secret'), { value: ['ä', 1, null] });
    await settings.set('secret', false, 2000);
    assert.equal(await settings.get('secret'), false);
  });

  it('passes its own check, several at once too', async (test) => {
    const storage = await openOne(test);
    await Promise.all([storage.check(), storage.check(), storage.check()]);
  });

  it('has settled all earlier writes when flush resolves', async (test) => {
    const storage = await openOne(test);
    let settled = 0;
    for (let i = 0; i < 50; i++) void storage.settings.set(`k${i}`, i, 0).then(() => settled++);
    await storage.flush();
    assert.equal(settled, 50);
  });
}

function lifeTests(prepare: (test: TestContext) => StorageUnderTest): void {
  it('keeps everything across close and open', async (test) => {
    const store = prepare(test);
    const before = await store.open();
    await before.users.create(newUser());
    await before.cacheEntries.put(newEntry(), 0);
    void before.apiCalls.record(newCall());
    await before.close();
    const after = await store.open();
    test.after(() => after.close());
    assert.equal((await after.users.findById(1))?.username, 'Ada');
    assert.equal((await after.cacheEntries.loadPage(null, 10)).length, 1);
    assert.equal((await after.apiCalls.totals({}))[0]?.calls, 1);
  });

  it('refuses everything once closing has begun, and closes twice without harm', async (test) => {
    const storage = await prepare(test).open();
    const closing = storage.close();
    await assert.rejects(storage.apiCalls.record(newCall()), { name: 'StorageError', code: 'unavailable' });
    await Promise.all([closing, storage.close()]);
    await assert.rejects(storage.users.findById(1), { code: 'unavailable' });
    await assert.rejects(storage.check(), { code: 'unavailable' });
  });
}
