import { parseArgs } from 'node:util';

/** How a run is done. */
export interface Options {
  /** Measured rounds of every comparison. */
  rounds: number;
  /** Length of one party's stretch in a round. */
  roundMs: number;
  /** Unmeasured load on every party before the first round. */
  warmUpMs: number;
  /** Repetitions of a start measurement. */
  starts: number;
  /** Names of the scenarios to run; empty for all. */
  only: readonly string[];
  /** Whether to write `bench/baseline.json`. */
  baseline: boolean;
  quick: boolean;
}

/** Usage text of `node bench/run.ts`. */
export const usage = `node bench/run.ts [--quick] [--only name,name] [--rounds n] [--seconds s] [--baseline]
  --quick     2 rounds of 1.5 s after 1 s of warm-up: a rough look, never a baseline
  --only      run only these scenarios
  --rounds    measured rounds (default 5)
  --seconds   length of a party's stretch in a round (default 4)
  --baseline  also write bench/baseline.json, which is committed
`;

function positive(text: string, option: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${option} must be a positive number, not ${text}`);
  return value;
}

/** Options from the command line; throws with what is wrong. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      baseline: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
    },
  });
  const { quick, baseline } = values;
  if (quick && baseline) throw new Error('--quick measures too little for a --baseline');
  return {
    quick,
    baseline,
    rounds: Math.ceil(positive(values.rounds ?? (quick ? '2' : '5'), 'rounds')),
    roundMs: positive(values.seconds ?? (quick ? '1.5' : '4'), 'seconds') * 1000,
    warmUpMs: quick ? 1_000 : 2_000,
    starts: quick ? 2 : 5,
    only: values.only === '' ? [] : values.only.split(','),
  };
}
