import type { Options } from './options.ts';
import type { LoadResult } from './load-plan.ts';
import { peakRssMb } from './proc-stats.ts';
import { buildQuestions, rephrase } from './questions.ts';
import { withStage, type Stage } from './stage.ts';
import { postOnce } from './verify.ts';
import { gatewayRequestBody } from './wire.ts';

const path = '/api/v1/chat/completion';
const fillLimitMs = 300_000;
const sampled = 100;

/** A Parley process that holds the entries, asked over one connection. */
export interface SimilarOverHttp {
  fillMs: number;
  result: LoadResult;
  /** Share of a sample of rephrased questions that was answered from the cache. */
  hitShare: number;
  peakRssMb: number;
}

interface Target {
  origin: string;
  path: string;
  headers: Record<string, string>;
}

async function hitShareOf(target: Target, questions: readonly string[]): Promise<number> {
  let hits = 0;
  for (const question of questions.slice(0, sampled)) {
    const { text } = await postOnce({ ...target, body: gatewayRequestBody(question) });
    if ((JSON.parse(text) as { cached?: boolean }).cached === true) hits++;
  }
  return hits / sampled;
}

function load(
  stage: Stage,
  target: Target,
  questions: readonly string[],
  connections: number,
  durationMs: number,
) {
  const bodies = questions.map((question) => gatewayRequestBody(question));
  const once = connections > 1 ? { requests: bodies.length } : {};
  return stage.load.run({ ...target, bodies, connections, durationMs, minBytes: 200, minFrames: 0, ...once });
}

/**
 * Fills a Parley's cache through its own door with as many questions, then asks them rephrased over one
 * connection. Throws when it refuses or when less than nine in ten of a sample are hits.
 */
export function measureSimilarOverHttp(entries: number, options: Options): Promise<SimilarOverHttp> {
  return withStage(async (stage) => {
    const mock = await stage.startMock();
    // The default of 64 MiB would let go of most of the entries.
    const { party, key } = await stage.startParley(mock, { cache: { max_bytes: '4GiB' } });
    const target = { origin: party.origin, path, headers: { authorization: `Bearer ${key}` } };
    const questions = buildQuestions(entries);
    const startedAt = performance.now();
    const filled = await load(stage, target, questions, 32, fillLimitMs);
    const fillMs = performance.now() - startedAt;
    if (filled.total < entries) {
      throw new Error(
        `only ${filled.total} of ${entries} entries were answered: ${filled.firstError ?? 'too slow'}`,
      );
    }
    const near = questions.filter((_, index) => index % 20 === 0).map(rephrase);
    const hitShare = await hitShareOf(target, near);
    if (hitShare < 0.9) throw new Error(`only ${hitShare * 100} % of the rephrased questions hit the cache`);
    await load(stage, target, near, 1, options.warmUpMs);
    const result = await load(stage, target, near, 1, options.roundMs);
    if (result.errors > 0) throw new Error(`${result.errors} wrong answers, first: ${result.firstError}`);
    return { fillMs, result, hitShare, peakRssMb: peakRssMb(party.pid) };
  });
}
