import { asParleyError } from '../errors.ts';
import type { Caller } from '../identity/caller.ts';
import {
  noteHit,
  abortError,
  prepare,
  remember,
  type Completion,
  type CompletionInput,
  type CompletionsParts,
  type Preparation,
} from './completions.ts';
import { estimateUsage } from './estimate.ts';
import type { Answer } from './provider.ts';
import { throwRelayed } from './relay.ts';
import type { Routed } from './router.ts';
import { showTo } from './visible.ts';

/** Answers in one piece. The promise resolves when the call's row in the books is committed. */
export async function complete(
  parts: CompletionsParts,
  caller: Caller,
  input: CompletionInput,
  signal: AbortSignal,
): Promise<Completion> {
  const preparation = await prepare(parts, caller, input, false);
  if (preparation.hit !== null) return completeFromCache(parts, preparation);
  const { result, candidate, attempts } = await callModel(parts, preparation, signal);
  const durationMs = parts.runtime.elapsed() - preparation.began;
  const { text, extra, reason, usage, wire } = result;
  const model = candidate.model.id;
  if (preparation.policy.read) parts.cache.answered(durationMs);
  await parts.meter.settle(preparation.origin, {
    model: candidate.model,
    outcome: 'success',
    errorCode: null,
    usage,
    durationMs,
    firstTokenMs: null,
    attempts,
  });
  const kept = remember(parts, preparation, candidate, { text, extra, reason, usage, model });
  const completion = { text, extra, model, reason, usage, cache: preparation.report, kept };
  return wire === undefined ? completion : { ...completion, wire };
}

async function callModel(
  parts: CompletionsParts,
  preparation: Preparation,
  signal: AbortSignal,
): Promise<Routed<Answer>> {
  const { candidates, request, origin, began } = preparation;
  let attempts = 0;
  try {
    return await parts.router.run(candidates, signal, ({ model, slot }) => {
      attempts++;
      return showTo(preparation, model, (asked) => {
        const answer = slot.provider.answer(asked, signal);
        return request.wire === undefined ? answer : answer.catch(throwRelayed);
      });
    });
  } catch (thrown) {
    const error = signal.aborted ? abortError(signal) : asParleyError(thrown);
    await parts.meter.settle(origin, {
      model: candidates[0].model,
      outcome: signal.aborted ? 'cancelled' : 'failure',
      errorCode: error.code,
      usage:
        signal.aborted && attempts > 0
          ? estimateUsage(request.messages, '', candidates[0].model.media)
          : noUsage,
      durationMs: parts.runtime.elapsed() - began,
      firstTokenMs: null,
      attempts,
    });
    throw error;
  }
}

const noUsage = { promptTokens: 0, completionTokens: 0, estimated: true };

function completeFromCache(parts: CompletionsParts, preparation: Preparation): Completion {
  const { text, model, reason, usage } = noteHit(parts, preparation);
  const cache = preparation.report;
  return { text, extra: undefined, model, reason, usage, cache, kept: true };
}
