import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { Customer } from './customers.ts';
import type { SearchedStore } from './message-search.suite.ts';
import { newConversation } from './sample-handoff.fixture.ts';
import { newUser } from './sample-rows.fixture.ts';
import { foldCase, piecesOf } from './search-terms.ts';
import type { Storage } from './storage.ts';

const all = { skip: 0, limit: 10_000 };

async function visit(storage: Storage, guestId: string, at = 1000): Promise<void> {
  await storage.conversations.begin(await newConversation(storage, { customer: { guestId }, at }));
}

/** A user with a conversation. */
async function enter(storage: Storage, username: string, email: string, fullName = ''): Promise<number> {
  const userId = await storage.users.create(newUser({ username, email, fullName }));
  await storage.conversations.begin(await newConversation(storage, { userId, customer: { userId } }));
  return userId;
}

async function foundBy({ customers }: Storage, search: string): Promise<string[]> {
  const found = await customers.list(search, all);
  assert.equal(found.total, found.customers.length);
  return found.customers.map(({ name }) => name);
}

/** What the index must agree with. */
function has({ name, email, guestId }: Customer, search: string): boolean {
  const texts = [name, email ?? '', guestId ?? ''].map(foldCase);
  return piecesOf(search).every((piece) => texts.some((text) => text.includes(piece)));
}

export function customersSuite(kind: string, prepare: (test: TestContext) => SearchedStore): void {
  const openOne: OpenOne = async (test) => {
    const store = prepare(test);
    const storage = await store.open();
    test.after(() => storage.close());
    return [storage, store];
  };
  describe(`${kind}: customers`, () => {
    listTests(openOne);
    searchTests(openOne);
    indexTests(openOne);
  });
}

type OpenOne = (test: TestContext) => Promise<[Storage, SearchedStore]>;

function listTests(openOne: OpenOne): void {
  it('are found by id, one or many', async (test) => {
    const [storage] = await openOne(test);
    await visit(storage, 'guest_1', 1000);
    const userId = await enter(storage, 'mina', 'mina@example.com', 'Mina Park');
    await visit(storage, 'guest_1', 3000);
    const mina = {
      id: 2,
      userId,
      guestId: null,
      name: 'Mina Park',
      email: 'mina@example.com',
      conversationCount: 1,
      firstSeenAt: 1000,
      lastSeenAt: 1000,
    };
    assert.deepEqual(await storage.customers.find(2), mina);
    assert.equal(await storage.customers.find(3), undefined);
    const many = await storage.customers.findMany([2, 9, 1, 2]);
    assert.deepEqual(
      [...many.keys()].toSorted((a, b) => a - b),
      [1, 2],
    );
    const guest = { ...mina, id: 1, userId: null, guestId: 'guest_1', name: 'guest_1', email: null };
    assert.deepEqual(many.get(1), { ...guest, conversationCount: 2, lastSeenAt: 3000 });
    assert.equal((await storage.customers.findMany([])).size, 0);
  });

  it('are listed by when they were seen, with their number', async (test) => {
    const [storage] = await openOne(test);
    for (const [guestId, at] of [
      ['a', 5],
      ['b', 9],
      ['c', 5],
      ['d', 1],
    ] as const) {
      await visit(storage, guestId, at);
    }
    const { customers, total } = await storage.customers.list(undefined, { skip: 1, limit: 2 });
    assert.deepEqual([customers.map(({ name }) => name), total], [['c', 'a'], 4]);
    assert.deepEqual(await foundBy(storage, ' \n'), ['b', 'c', 'a', 'd']);
    assert.deepEqual(await storage.customers.list('', { skip: 4, limit: 2 }), { customers: [], total: 4 });
  });
}

function searchTests(openOne: OpenOne): void {
  it('are found by any part of name, address and guest id, in any script and case', async (test) => {
    const [storage] = await openOne(test);
    await enter(storage, 'mina', 'Mina.Park@example.com', 'Mina Park');
    await enter(storage, 'wang', 'wang@例子.cn', '王小明');
    await visit(storage, 'guest_ÄÖ-9f3a');
    await visit(storage, 'ΟΔΟΣ');
    for (const [search, names] of [
      ['a', ['guest_ÄÖ-9f3a', '王小明', 'Mina Park']],
      ['k@EX', ['Mina Park']],
      ['park mina', ['Mina Park']],
      ['mina wang', []],
      ['小', ['王小明']],
      ['小明 例', ['王小明']],
      ['明小', []],
      ['äö-9', ['guest_ÄÖ-9f3a']],
      ['οδοσ', ['ΟΔΟΣ']],
      ['ＭＩＮＡ', ['Mina Park']],
      ['nothing', []],
    ] as const) {
      assert.deepEqual(await foundBy(storage, search), names, search);
    }
  });

  it('are looked for with any text at all, which is never read as a query', async (test) => {
    const [storage] = await openOne(test);
    const odd = `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~ AND NOT a* ends:b <b>x</b> %_`;
    await visit(storage, odd);
    await visit(storage, 'plain');
    for (const search of [...Array.from(odd), odd, 'AND', 'NOT', 'ends:b', '"', '* OR *', 'a*', '%_']) {
      const listed = (await storage.customers.list(undefined, all)).customers;
      const naive = listed.filter((customer) => has(customer, search)).map(({ name }) => name);
      assert.deepEqual(await foundBy(storage, search), naive, search);
    }
    assert.deepEqual(await foundBy(storage, '\0 plain \0'), ['plain']);
  });

  it('are found as a plain search over all of them would, by random texts', async (test) => {
    const [storage] = await openOne(test);
    const letters = fc.string({
      unit: fc.constantFrom(...Array.from('aAbß王小İ\u0301é ._😀"\'')),
      maxLength: 8,
    });
    const ids = new Set(fc.sample(letters, { numRuns: 80, seed: 3 }));
    for (const id of ids) await visit(storage, id);
    const { customers } = await storage.customers.list(undefined, all);
    const search = fc.array(
      fc.string({ unit: fc.constantFrom(...Array.from('aAbß王小İ\u0301é._😀"\'')), maxLength: 3 }),
      {
        maxLength: 3,
      },
    );
    await fc.assert(
      fc.asyncProperty(search, async (words) => {
        const text = words.join(' ');
        const naive = customers.filter((customer) => has(customer, text));
        assert.deepEqual(await storage.customers.list(text, all), { customers: naive, total: naive.length });
      }),
      { numRuns: 200 },
    );
  });

  it('are found by pieces that are longer than what is indexed of them', async (test) => {
    const [storage] = await openOne(test);
    const long = 'ab'.repeat(100);
    await visit(storage, `${long}x`);
    await visit(storage, `${long}y`);
    assert.deepEqual(await foundBy(storage, `${'ab'.repeat(60)}x`), [`${long}x`]);
    assert.deepEqual(await foundBy(storage, 'ba'.repeat(40)), [`${long}y`, `${long}x`]);
    assert.deepEqual(await foundBy(storage, 'b'.repeat(80)), []);
  });
}

function indexTests(openOne: OpenOne): void {
  it('are found by what they are called now', async (test) => {
    const [storage, store] = await openOne(test);
    const userId = await enter(storage, 'mina', 'mina@example.com', 'Mina Park');
    assert.deepEqual(await foundBy(storage, 'park'), ['Mina Park']);
    await store.run(`UPDATE users SET full_name = '', email = 'm@new.example' WHERE id = ${userId}`);
    assert.deepEqual(await foundBy(storage, 'park'), []);
    assert.deepEqual(await foundBy(storage, 'm@new'), ['mina']);
    assert.equal(await storage.customers.index(), false, 'nothing is left to do');
  });

  it('are counted and paged alike where very many are found', async (test) => {
    const [storage, store] = await openOne(test);
    await store.run(
      `INSERT INTO customers (key, guest_id, name, conversations, first_seen_at, last_seen_at)
       WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 4000)
       SELECT 'guest:' || n, 'g-' || n, 'g-' || n, 1, n, n / 3 FROM n`,
    );
    while (await storage.customers.index());
    const { customers } = await storage.customers.list(undefined, all);
    assert.equal(customers.length, 4000);
    for (const search of ['g-', 'g', '1 g', '3', '2 9']) {
      const naive = customers.filter((customer) => has(customer, search));
      for (const [skip, limit] of [
        [0, 20],
        [995, 30],
        [3990, 20],
      ] as const) {
        assert.deepEqual(await storage.customers.list(search, { skip, limit }), {
          customers: naive.slice(skip, skip + limit),
          total: naive.length,
        });
      }
    }
    await store.run('DELETE FROM customers WHERE id > 10');
    assert.equal((await storage.customers.list(undefined, all)).total, 10);
    assert.equal((await storage.customers.list('g-1', all)).total, 2);
  });
}
