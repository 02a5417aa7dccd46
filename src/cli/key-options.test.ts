import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyIdOf, newKeyOf } from './key-options.ts';
import { UsageError } from './usage-error.ts';

const now = Date.parse('2026-06-01T00:00:00Z');

test('a name alone makes a key for completions that has no limit and no end', () => {
  assert.deepEqual(newKeyOf({ name: ' shop ' }, now), {
    name: 'shop',
    scopes: ['completions'],
    requestsPerMinute: null,
    expiresAt: null,
    budget: null,
  });
});

const budgets: [string, object][] = [
  ['10USD', { amountNano: 10_000_000_000, currency: 'USD' }],
  ['75.50 cny', { amountNano: 75_500_000_000, currency: 'CNY' }],
  ['0.000000001USD', { amountNano: 1, currency: 'USD' }],
  ['100000tokens', { tokens: 100_000 }],
  ['0tokens', { tokens: 0 }],
];
for (const [text, budget] of budgets) {
  test(`--budget ${text}`, () => assert.deepEqual(newKeyOf({ name: 'x', budget: text }, now).budget, budget));
}

const expiries: [string, string][] = [
  ['30d', '2026-07-01T00:00:00.000Z'],
  ['90m', '2026-06-01T01:30:00.000Z'],
  ['2027-01-31', '2027-01-31T00:00:00.000Z'],
  ['2027-01-31T12:30Z', '2027-01-31T12:30:00.000Z'],
  ['2027-01-31T12:30:01.5Z', '2027-01-31T12:30:01.500Z'],
];
for (const [text, at] of expiries) {
  test(`--expires ${text} is ${at}`, () => {
    assert.equal(new Date(newKeyOf({ name: 'x', expires: text }, now).expiresAt ?? 0).toISOString(), at);
  });
}

const refused: Record<string, string>[] = [
  { name: '  ' },
  { name: 'x'.repeat(101) },
  { name: 'two\nlines' },
  { name: '\u001b[31mred' },
  { name: 'x', scopes: '' },
  { name: 'x', scopes: ',' },
  { name: 'x', scopes: 'completions;cache' },
  { name: 'x', rate: '0' },
  { name: 'x', rate: '1.5' },
  { name: 'x', rate: 'many' },
  { name: 'x', expires: '' },
  { name: 'x', expires: '0d' },
  { name: 'x', expires: '30' },
  { name: 'x', expires: '2026-05-31' },
  { name: 'x', expires: '2027-02-30' },
  { name: 'x', expires: '2027-01-31T12:30' },
  { name: 'x', expires: '2027-01-31T25:00Z' },
  { name: 'x', expires: 'never' },
  { name: 'x', budget: '' },
  { name: 'x', budget: '10' },
  { name: 'x', budget: '-1USD' },
  { name: 'x', budget: '1.5tokens' },
  { name: 'x', budget: '10EUR' },
  { name: 'x', budget: '1000001USD' },
  { name: 'x', budget: '0.0000000001USD' },
];
for (const options of refused) {
  test(`refused: ${JSON.stringify(options).slice(0, 80)}`, () => {
    assert.throws(
      () => newKeyOf(options, now),
      (thrown: Error) => thrown instanceof UsageError && !/\p{Cc}/u.test(thrown.message),
    );
  });
}

test('a scope named twice counts once', () => {
  assert.deepEqual(newKeyOf({ name: 'x', scopes: 'cache, cache,admin' }, now).scopes, ['cache', 'admin']);
});

test('an id is a whole number from 1 up', () => {
  assert.equal(keyIdOf('7'), 7);
  for (const text of ['0', '-1', '1.5', 'x', '', '1e99']) assert.throws(() => keyIdOf(text), UsageError);
});
