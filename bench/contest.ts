import { setTimeout as pause } from 'node:timers/promises';
import type { Party } from './children.ts';
import type { LoadGenerator } from './load-generator.ts';
import type { LoadPlan, LoadResult } from './load-plan.ts';
import { median } from './median.ts';
import type { Options } from './options.ts';
import { cpuMs, peakRssMb } from './proc-stats.ts';
import { reasonOf } from './reason.ts';

/** Between two parties' stretches: what the last one still had to do must not be charged to the next. */
const settleMs = 250;

/** A party with the load it gets; a reason instead where it could not be started or answered wrongly. */
export interface Contender {
  name: string;
  party?: Party;
  plan?: Omit<LoadPlan, 'durationMs'>;
  /** Why the party is not measured. */
  absent?: string;
}

/** One stretch of one party in one round. */
export interface Stretch extends LoadResult {
  perSecond: number;
  framesPerSecond: number;
  /** CPU of the party per answer, all its threads. */
  cpuMsPerRequest: number;
  /** Share of one core that the load generator used; near 1 it would be the bottleneck. */
  loadShare: number;
  /** Share of one core that the mock provider used. */
  mockShare: number;
}

/** All of a party's stretches. */
export interface Standing {
  name: string;
  absent?: string;
  rounds: Stretch[];
  peakRssMb: number;
}

async function measure(
  contender: Contender,
  load: LoadGenerator,
  mock: Party | undefined,
  durationMs: number,
) {
  const { party, plan } = contender;
  if (!party || !plan) throw new Error(`${contender.name} is not running`);
  const pids = [party.pid, load.pid, ...(mock ? [mock.pid] : [])];
  const before = pids.map(cpuMs);
  const startedAt = performance.now();
  const result = await load.run({ ...plan, durationMs });
  const elapsedMs = performance.now() - startedAt;
  const [partyMs = 0, loadMs = 0, mockMs = 0] = pids.map((pid, index) => cpuMs(pid) - before[index]!);
  return {
    ...result,
    perSecond: result.responses / result.seconds,
    framesPerSecond: result.frames / result.seconds,
    cpuMsPerRequest: partyMs / result.total,
    loadShare: loadMs / elapsedMs,
    mockShare: mockMs / elapsedMs,
  } satisfies Stretch;
}

/** A stretch, or why the party is out: it died, or one answer was wrong. */
async function tryMeasure(
  contender: Contender,
  load: LoadGenerator,
  mock: Party | undefined,
  durationMs: number,
) {
  try {
    const stretch = await measure(contender, load, mock, durationMs);
    if (stretch.errors === 0 && stretch.responses > 0) return stretch;
    return `${stretch.errors} wrong answers of ${stretch.errors + stretch.total}, first: ${stretch.firstError ?? 'none came'}`;
  } catch (error) {
    return reasonOf(error);
  }
}

/**
 * Warms every party up, then measures them in turn, round after round (A, B, C, A, B, C …), so that a slow
 * minute of the machine falls on all of them. A party with a single wrong answer is out.
 */
export async function holdContest(
  contenders: readonly Contender[],
  parts: { load: LoadGenerator; mock?: Party; options: Options; log: (line: string) => void },
): Promise<Standing[]> {
  const { load, mock, options, log } = parts;
  const standings = contenders.map(({ name, absent }): Standing => {
    return { name, rounds: [], peakRssMb: Number.NaN, ...(absent ? { absent } : {}) };
  });
  for (let round = 0; round <= options.rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const standing = standings[index]!;
      if (standing.absent) continue;
      const stretch = await tryMeasure(
        contender,
        load,
        mock,
        round === 0 ? options.warmUpMs : options.roundMs,
      );
      if (typeof stretch === 'string') standing.absent = stretch;
      else if (round > 0) standing.rounds.push(stretch);
      const shown = typeof stretch === 'string' ? stretch : `${Math.round(stretch.perSecond)} answers/s`;
      log(`${round === 0 ? 'warm-up' : `round ${round}`} · ${contender.name}: ${shown}`);
      await pause(settleMs);
    }
  }
  for (const [index, { party }] of contenders.entries()) {
    const standing = standings[index]!;
    if (party && !standing.absent) standing.peakRssMb = peakRssMb(party.pid);
  }
  return standings;
}

/** A ratio of two parties, its median over the rounds and its extremes. */
export interface Ratio {
  median: number;
  least: number;
  most: number;
}

/** Ratio of `metric` between two parties, round by round; undefined when either was not measured. */
export function ratioOf(
  party: Standing | undefined,
  against: Standing | undefined,
  metric: 'perSecond' | 'framesPerSecond',
): Ratio | undefined {
  if (!party || !against || party.absent || against.absent) return undefined;
  const ratios = party.rounds.map((round, index) => round[metric] / against.rounds[index]![metric]);
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}
