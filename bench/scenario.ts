import type { Options } from './options.ts';

/** One goal and what was measured against it. */
export interface GoalOutcome {
  /** The goal in words, such as `at least 4 × Portkey's requests/s`. */
  goal: string;
  /** The measured figure with its unit and spread, or why there is none. */
  measured: string;
  verdict: 'met' | 'missed' | 'not measured';
}

/** A table of raw figures: the first column names the party. */
export interface FigureTable {
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}

/** What a scenario found. */
export interface ScenarioReport {
  goals: readonly GoalOutcome[];
  figures: FigureTable;
  /** Every number as measured, for `bench/results/` and the baseline. */
  raw: unknown;
}

/** A measurement: one file in `scenarios/`, its method in the file's header comment. */
export interface Scenario {
  /** For `--only`. */
  name: string;
  /** Heading in the report. */
  title: string;
  /** Starts its parties, measures, stops them. */
  run(options: Options, log: (line: string) => void): Promise<ScenarioReport>;
}
