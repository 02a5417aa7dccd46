import { ParleyError } from '../errors.ts';
import type { Caller } from '../identity/caller.ts';
import { complete } from './complete.ts';
import { cacheOwnerOf, type CompletionsParts } from './completions.ts';
import type { WarmingOrder } from './warming-order.ts';

export interface WarmInput {
  contract: string;
  endpoint: string;
  requestId: string;
  /** Names of prompt sets, or prompts themselves. */
  patterns: string[];
  /** The default model where it is empty. */
  models: string[];
  /** Entries at most; 1 and up. */
  limit: number;
}

export interface WarmReport {
  /** Answers fetched and kept. */
  warmed: number;
  /** Answers that were there already. */
  skipped: number;
  /** No answer came, or none that may be kept: a fallback's, say. */
  failed: number;
  /** What is in the cache now, of what was asked for. */
  entries: { model: string; prompt: string; cacheKey: string | null }[];
}

/** Vendor calls that run at once, so that warming leaves room for people. */
const width = 4;

export interface WarmParts {
  completions: CompletionsParts;
  /** Prompts by the name of their set. */
  promptSets: Record<string, string[]>;
  inOrder: WarmingOrder;
}

/** Asks the models ahead of time, so that the first person to ask finds the answer in the cache. Throws `budget_exceeded`. */
export async function warm(
  { completions: parts, promptSets, inOrder }: WarmParts,
  caller: Caller,
  input: WarmInput,
  signal: AbortSignal,
): Promise<WarmReport> {
  const models = new Set(input.models.length > 0 ? input.models : [parts.defaultModel()]);
  const sets = new Map(Object.entries(promptSets));
  const prompts = new Set(input.patterns.flatMap((pattern) => sets.get(pattern) ?? [pattern]));
  const pairs = [...models].flatMap((model) => [...prompts].map((prompt) => ({ model, prompt })));
  const jobs = pairs.slice(0, input.limit);
  const report: WarmReport = { warmed: 0, skipped: 0, failed: 0, entries: [] };

  const worker = async () => {
    for (let job = jobs.shift(); job !== undefined && !signal.aborted; job = jobs.shift()) {
      await warmOne(parts, caller, input, job, report, signal);
    }
  };
  const workers = await inOrder(cacheOwnerOf(parts, caller), signal, () =>
    Promise.allSettled(Array.from({ length: width }, worker)),
  );
  for (const ended of workers) if (ended.status === 'rejected') throw ended.reason;
  return report;
}

async function warmOne(
  parts: CompletionsParts,
  caller: Caller,
  { contract, endpoint, requestId }: WarmInput,
  { model, prompt }: { model: string; prompt: string },
  report: WarmReport,
  signal: AbortSignal,
): Promise<void> {
  try {
    const done = await complete(
      parts,
      caller,
      {
        contract,
        endpoint,
        requestId,
        model,
        messages: [{ role: 'user', content: prompt }],
        cache: { read: true, write: true },
      },
      signal,
    );
    if (!done.kept) {
      report.failed++;
      return;
    }
    if (done.cache.status === 'HIT') report.skipped++;
    else report.warmed++;
    report.entries.push({ model: done.model, prompt, cacheKey: done.cache.key });
  } catch (err) {
    if (err instanceof ParleyError && err.code === 'budget_exceeded') throw err;
    parts.log.warn({ err, model }, 'a prompt could not be answered while warming the cache');
    report.failed++;
  }
}
