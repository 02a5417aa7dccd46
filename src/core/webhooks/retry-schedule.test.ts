import assert from 'node:assert/strict';
import { it } from 'node:test';
import { aDayOfRetries, pauseAfter } from './retry-schedule.ts';

const pauses = (chance: number) =>
  Array.from({ length: 8 }, (_, index) => pauseAfter(aDayOfRetries, index + 1, chance));

it('pauses grow to twelve hours, and after eight attempts there is none', () => {
  assert.deepEqual(pauses(0.5), [
    10_000,
    50_000,
    250_000,
    1_250_000,
    6_250_000,
    31_250_000,
    43_200_000,
    undefined,
  ]);
});

it('pauses are a fifth longer or shorter by chance', () => {
  assert.deepEqual([pauses(0)[0], pauses(1)[0]?.toFixed()], [8_000, '12000']);
});
