import type { Books } from './books.ts';

type Call = Books['api_calls'][number];

const dimensions = [
  'day',
  'contract',
  'owner',
  'user_id',
  'api_key_id',
  'model',
  'outcome',
  'currency',
] as const;
const summed = ['prompt_tokens', 'completion_tokens', 'cost_nano', 'duration_ms'] as const;
const ownerDimensions = ['owner', 'span', 'model', 'begins', 'currency'] as const;
const ownerSummed = ['prompt_tokens', 'completion_tokens', 'cost_nano'] as const;

/** The sums of calls, by day and by owner, are the sums of the rows. */
export function checkUsage({ api_calls: calls, usage_daily: daily, owner_usage: owners }: Books): string[] {
  return [
    ...compare(
      'usage_daily',
      linesOf(calls.map((call) => [dimensions.map((name) => call[name] ?? 0), sumsIn(call, summed)])),
      daily.map((row) => [
        dimensions.map((name) => row[name]),
        [row.calls, ...summed.map((name) => row[name])],
      ]),
    ),
    ...compare(
      'owner_usage',
      linesOf(calls.flatMap((call) => periodsOf(call).map((key): Line => [key, sumsIn(call, ownerSummed)]))),
      owners.map((row) => [
        ownerDimensions.map((name) => row[name]),
        [row.calls, ...ownerSummed.map((name) => row[name])],
      ]),
    ),
  ];
}

type Line = [key: unknown[], sums: number[]];

/** A call counts for its day and for its month, among those of its model and among all. */
function periodsOf({ owner, day, model, currency }: Call): unknown[][] {
  return ['', model].flatMap((of) => [
    [owner, 'day', of, day, currency],
    [owner, 'month', of, day.slice(0, 7), currency],
  ]);
}

function sumsIn(call: Call, names: readonly (keyof Call)[]): number[] {
  return [1, ...names.map((name) => call[name] as number)];
}

/** Added up where they have the same key. */
function linesOf(shares: readonly Line[]): Line[] {
  const lines = new Map<string, Line>();
  for (const [key, sums] of shares) {
    const [, before] = lines.get(JSON.stringify(key)) ?? [key, sums.map(() => 0)];
    lines.set(JSON.stringify(key), [key, sums.map((sum, at) => sum + (before[at] ?? 0))]);
  }
  return [...lines.values()];
}

function compare(table: string, expected: readonly Line[], held: readonly Line[]): string[] {
  const is = new Set(held.map((line) => JSON.stringify(line)));
  const missing = expected.map((line) => JSON.stringify(line)).filter((line) => !is.delete(line));
  return [
    ...missing.map((line) => `${table} should hold ${line}`),
    ...[...is].map((line) => `${table} should not hold ${line}`),
  ];
}
