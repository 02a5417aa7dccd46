import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { costOf, type Price } from './prices.ts';
import type { Usage } from './provider.ts';

const at = Date.parse('2026-06-01');

function usage(promptTokens: number, completionTokens = 0, cachedPromptTokens?: number): Usage {
  return {
    promptTokens,
    completionTokens,
    estimated: false,
    ...(cachedPromptTokens !== undefined && { cachedPromptTokens }),
  };
}

function price(parts: Partial<Price>): Price {
  return { from: '2026-01-01', currency: 'USD', input: 1, output: 2, ...parts };
}

test('a price per million tokens becomes billionths of the unit', () => {
  const gpt4 = { prices: [price({ input: 30, output: 60 })] };
  assert.deepEqual(costOf(gpt4, usage(1000, 500), at), { nano: 60_000_000, currency: 'USD' });
  const small = { prices: [price({ input: 0.05, output: 0.4, currency: 'CNY' })] };
  assert.deepEqual(costOf(small, usage(1, 1), at), { nano: 450, currency: 'CNY' });
});

test('the cached part of a prompt has its own price, or the prompt’s where none is given', () => {
  assert.equal(costOf({ prices: [price({ cachedInput: 0.1 })] }, usage(100, 0, 40), at)?.nano, 64_000);
  assert.equal(costOf({ prices: [price({})] }, usage(100, 0, 40), at)?.nano, 100_000);
  assert.equal(costOf({ prices: [price({ cachedInput: 0 })] }, usage(100, 0, 400), at)?.nano, 0);
});

test('an answer that was thought about first may have a price of its own, for all of it', () => {
  const prices = [
    price({ output: 2, thinkingOutput: 8, upToPromptTokens: 100 }),
    price({ output: 20, thinkingOutput: 24 }),
  ];
  const thought = (reasoningTokens?: number): Usage => ({
    ...usage(0, 10),
    ...(reasoningTokens !== undefined && { reasoningTokens }),
  });
  const nano = (said: Usage, thinks?: boolean) => costOf({ prices }, said, at, thinks)?.nano;
  assert.equal(nano(thought()), 20_000);
  assert.equal(nano(thought(4)), 80_000);
  assert.equal(nano(thought(), true), 80_000);
  assert.equal(nano(thought(0), true), 20_000, 'the vendor’s word counts');
  assert.equal(nano({ ...thought(), thought: true }), 80_000, 'the thoughts are there');
  assert.equal(nano({ ...thought(0), thought: true }), 80_000, 'some vendors count none of them');
  assert.equal(nano({ ...thought(4), promptTokens: 200 }), 200_000 + 240_000);
  assert.equal(costOf({ prices: [price({})] }, thought(4), at)?.nano, 20_000);
});

test('the newest price that has begun counts, whatever the order', () => {
  const prices = [
    price({ from: '2026-05-01', input: 3 }),
    price({ from: '2025-01-01', input: 5 }),
    price({ from: '2026-07-01', input: 1 }),
  ];
  const inputAt = (day: string) => costOf({ prices }, usage(1), Date.parse(day))?.nano;
  assert.equal(inputAt('2024-12-31T23:59:59.999Z'), undefined);
  assert.equal(inputAt('2025-01-01'), 5000);
  assert.equal(inputAt('2026-04-30T23:59:59.999Z'), 5000);
  assert.equal(inputAt('2026-05-01'), 3000);
  assert.equal(inputAt('2026-07-01'), 1000);
});

test('no price, no cost', () => {
  assert.equal(costOf({ prices: [] }, usage(10), at), null);
});

test('the prompt’s length chooses the tier of the whole call', () => {
  const tiers = [
    price({ input: 9, output: 9 }),
    price({ input: 1, output: 1, upToPromptTokens: 100 }),
    price({ input: 3, output: 3, upToPromptTokens: 200 }),
  ];
  for (const prices of [tiers, tiers.toReversed()]) {
    const nano = (prompt: number) => costOf({ prices }, usage(prompt, 1), at)?.nano;
    assert.equal(nano(100), 101_000);
    assert.equal(nano(101), 306_000);
    assert.equal(nano(200), 603_000);
    assert.equal(nano(201), 1_818_000);
  }
});

test('a prompt beyond the last tier pays the last tier', () => {
  const prices = [price({ input: 1, upToPromptTokens: 100 }), price({ input: 3, upToPromptTokens: 200 })];
  assert.equal(costOf({ prices }, usage(1000), at)?.nano, 3_000_000);
});

test('tiers of an earlier day do not mix with those of a later one', () => {
  const prices = [
    price({ from: '2025-01-01', input: 1, upToPromptTokens: 100 }),
    price({ from: '2026-01-01', input: 7 }),
  ];
  assert.equal(costOf({ prices }, usage(10), at)?.nano, 70_000);
});

const amounts = fc.double({ min: 0, max: 1000, noNaN: true });
const counts = fc.integer({ min: 0, max: 10_000_000 });
const anyPrice = fc.record({
  from: fc.constantFrom('2024-01-01', '2025-01-01', '2026-01-01'),
  currency: fc.constant('USD' as const),
  input: amounts,
  output: amounts,
  thinkingOutput: fc.option(amounts, { nil: undefined }),
  cachedInput: fc.option(amounts, { nil: undefined }),
  upToPromptTokens: fc.option(fc.integer({ min: 1, max: 1_000_000 }), { nil: undefined }),
});

test('property: a cost is a whole number, 0 and up, whatever a vendor reports', () => {
  const anyCount = fc.oneof(counts, fc.constantFrom(-5, NaN, Infinity, -Infinity, 0.5));
  fc.assert(
    fc.property(
      fc.array(anyPrice, { minLength: 1 }),
      anyCount,
      anyCount,
      anyCount,
      (prices, prompt, completion, cached) => {
        const cost = costOf({ prices }, usage(prompt, completion, cached), at);
        assert.ok(cost !== null && Number.isSafeInteger(cost.nano) && cost.nano >= 0);
      },
    ),
  );
});

test('property: more tokens never cost less, tiers that rise with length included', () => {
  const risingTiers = fc
    .tuple(
      fc.array(fc.tuple(amounts, amounts), { minLength: 1, maxLength: 4 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 4, maxLength: 4 }),
    )
    .map(([steps, bounds]) => {
      const sorted = bounds.toSorted((a, b) => a - b);
      let [input, output] = [0, 0];
      return steps.map(([moreInput, moreOutput], index) => {
        [input, output] = [input + moreInput, output + moreOutput];
        return price({ input, output, cachedInput: input / 2, upToPromptTokens: sorted[index] });
      });
    });
  fc.assert(
    fc.property(
      risingTiers,
      counts,
      counts,
      counts,
      counts,
      counts,
      (prices, prompt, completion, cached, morePrompt, moreCompletion) => {
        const less = costOf({ prices }, usage(prompt, completion, cached), at)?.nano ?? NaN;
        const more =
          costOf({ prices }, usage(prompt + morePrompt, completion + moreCompletion, cached), at)?.nano ??
          NaN;
        assert.ok(more >= less);
      },
    ),
  );
});
