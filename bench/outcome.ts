import { ratioOf, type Standing, type Stretch } from './contest.ts';
import { median } from './median.ts';
import type { FigureTable, GoalOutcome } from './scenario.ts';

/** Parley's name where it keeps everything in PostgreSQL. */
export const onPostgres = 'Parley on PostgreSQL';

/** A number with three significant digits at least, thousands grouped by a thin space. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 1000) return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ' ');
  return value >= 100
    ? value.toFixed(0)
    : value >= 10
      ? value.toFixed(1)
      : value >= 1
        ? value.toFixed(2)
        : value.toFixed(3);
}

/** Median and extremes, as `12.3 (11.9–12.8)`. */
export function spread(values: readonly number[]): string {
  if (values.length === 0) return '–';
  return `${figure(median(values))} (${figure(Math.min(...values))}–${figure(Math.max(...values))})`;
}

/** Judges "at least `least` × `against`" from the rounds' ratios. */
export function judgeRatio(
  standings: readonly Standing[],
  names: { party: string; against: string },
  metric: 'perSecond' | 'framesPerSecond',
  least: number,
): GoalOutcome {
  const find = (name: string): Standing | undefined => standings.find((standing) => standing.name === name);
  const party = find(names.party);
  const against = find(names.against);
  const goal = `≥ ${least} × ${names.against}`;
  const ratio = ratioOf(party, against, metric);
  if (!ratio) {
    const missing = party && !party.absent ? against : party;
    return { goal, measured: `${missing?.name}: ${missing?.absent ?? 'absent'}`, verdict: 'not measured' };
  }
  const measured = `${figure(ratio.median)} × (${figure(ratio.least)}–${figure(ratio.most)})`;
  return { goal, measured, verdict: ratio.median >= least ? 'met' : 'missed' };
}

/** Judges "under `most` `unit`" for a figure that was measured, or says why it was not. */
export function judgeMost(
  goal: string,
  values: readonly number[] | string,
  unit: string,
  most: number,
): GoalOutcome {
  if (typeof values === 'string') return { goal, measured: values, verdict: 'not measured' };
  return { goal, measured: `${spread(values)} ${unit}`, verdict: median(values) < most ? 'met' : 'missed' };
}

/** Judges Parley over PostgreSQL against Parley over SQLite, on one node each. */
export function judgePostgres(
  standings: readonly Standing[],
  metric: 'perSecond' | 'framesPerSecond' = 'perSecond',
): GoalOutcome {
  return {
    ...judgeRatio(standings, { party: onPostgres, against: 'Parley' }, metric, 0.5),
    goal: 'on PostgreSQL ≥ 0.5 × on SQLite',
  };
}

const columns = [
  'requests/s',
  'frames/s',
  'p50 ms',
  'p99 ms',
  'first byte p99 ms',
  'CPU ms/request',
] as const;
const pick: Record<(typeof columns)[number], (stretch: Stretch) => number> = {
  'requests/s': (stretch) => stretch.perSecond,
  'frames/s': (stretch) => stretch.framesPerSecond,
  'p50 ms': (stretch) => stretch.p50Ms,
  'p99 ms': (stretch) => stretch.p99Ms,
  'first byte p99 ms': (stretch) => stretch.firstByteP99Ms,
  'CPU ms/request': (stretch) => stretch.cpuMsPerRequest,
};

/** The contest's raw figures: median (least–most) of every party, and its peak memory. */
export function contestTable(standings: readonly Standing[], streamed: boolean): FigureTable {
  const shown = columns.filter(
    (column) => streamed || (column !== 'frames/s' && column !== 'first byte p99 ms'),
  );
  return {
    columns: ['party', ...shown, 'peak RSS MB', 'load / mock, cores'],
    rows: standings.map(({ name, absent, rounds, peakRssMb }) => {
      if (absent) return [name, `not measured: ${absent}`];
      const cores = ['loadShare', 'mockShare'] as const;
      const shares = cores.map((share) => median(rounds.map((round) => round[share])).toFixed(2));
      return [
        name,
        ...shown.map((column) => spread(rounds.map(pick[column]))),
        figure(peakRssMb),
        shares.join(' / '),
      ];
    }),
  };
}
