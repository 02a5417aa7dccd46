import { asParleyError, ParleyError } from '../errors.ts';
import type { Caller } from '../identity/caller.ts';
import {
  noteHit,
  abortError,
  prepare,
  remember,
  type CompletionEvent,
  type CompletionInput,
  type CompletionsParts,
  type Preparation,
} from './completions.ts';
import { estimateUsage } from './estimate.ts';
import type { ProviderEvent, Usage } from './provider.ts';
import { throwRelayed } from './relay.ts';
import type { Candidate } from './router.ts';
import { showTo } from './visible.ts';

/**
 * Answers piece by piece, in groups as the pieces came: provider events → books → events for the door. `finish` comes after the call's row is committed.
 * A consumer that stops early (return) counts as a cancellation; so does an abort of `signal`.
 */
export async function* stream(
  parts: CompletionsParts,
  caller: Caller,
  input: CompletionInput,
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent[]> {
  const preparation = await prepare(parts, caller, input, true);
  let wanted = false;
  try {
    yield [{ type: 'start', cache: preparation.report }];
    wanted = true;
  } finally {
    if (!wanted) preparation.origin.reservation?.release();
  }
  if (preparation.hit !== null) yield replay(parts, preparation);
  else yield* metered(parts, preparation, signal);
}

/** Everything that is known of a running stream, for the books. */
interface Tally {
  text: string;
  /** What was written beside it: thoughts, arguments of tools. */
  aside: string;
  thought: boolean;
  extra: Record<string, unknown> | undefined;
  firstTokenMs: number | null;
  answeredBy: Candidate;
  attempts: number;
  /** The vendor's figures, once they are here. */
  usage: Usage | undefined;
  settled: boolean;
}

async function* metered(
  parts: CompletionsParts,
  preparation: Preparation,
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent[]> {
  const tally: Tally = {
    text: '',
    aside: '',
    thought: false,
    extra: undefined,
    firstTokenMs: null,
    answeredBy: preparation.candidates[0],
    attempts: 0,
    usage: undefined,
    settled: false,
  };
  let failure: ParleyError | undefined;
  try {
    for await (const group of providerEvents(parts, preparation, tally, signal)) {
      const shown: CompletionEvent[] = [];
      for (const event of group) {
        if (event.type !== 'finish') {
          shown.push(tallied(parts, preparation, tally, event));
          continue;
        }
        tally.usage = event.usage;
        if (shown.length > 0) yield shown;
        await finish(parts, preparation, tally, event);
        yield [{ ...event, model: tally.answeredBy.model.id }];
        return;
      }
      yield shown;
    }
  } catch (thrown) {
    failure = signal.aborted ? abortError(signal) : asParleyError(thrown);
    throw failure;
  } finally {
    if (!tally.settled) await settleUnfinished(parts, preparation, tally, failure, signal);
  }
}

/** The provider's stream, opened with retries and fallbacks until its first event is there. */
async function* providerEvents(
  parts: CompletionsParts,
  preparation: Preparation,
  tally: Tally,
  signal: AbortSignal,
): AsyncGenerator<ProviderEvent[]> {
  const { candidates, request } = preparation;
  const opened = await parts.router.open(candidates, signal, ({ model, slot }) =>
    showTo(preparation, model, async (asked) => {
      tally.attempts++;
      const events = slot.provider.stream(asked, signal)[Symbol.asyncIterator]();
      const opening = events.next();
      const first = await (request.wire === undefined ? opening : opening.catch(throwRelayed));
      if (first.done === true) throw brokeOff();
      return { events, first: first.value };
    }),
  );
  const { call, candidate, result } = opened;
  tally.answeredBy = candidate;
  try {
    for (let group = result.first; ;) {
      if (group.at(-1)?.type === 'finish') call.end('success');
      yield group;
      const next = await result.events.next();
      if (next.done === true) throw brokeOff();
      group = next.value;
    }
  } catch (thrown) {
    call.end(signal.aborted ? 'neutral' : 'failure');
    throw thrown;
  } finally {
    call.end('neutral');
    await result.events.return?.();
  }
}

function brokeOff(): ParleyError {
  return new ParleyError('provider_failed', 'The provider ended its answer in the middle.', {
    retryable: true,
  });
}

function tallied(
  parts: CompletionsParts,
  { began }: Preparation,
  tally: Tally,
  event: Exclude<ProviderEvent, { type: 'finish' }>,
): CompletionEvent {
  const model = tally.answeredBy.model.id;
  tally.firstTokenMs ??= parts.runtime.elapsed() - began;
  if (event.type === 'wire-chunk') {
    tally.text += event.text;
    tally.thought ||= event.thought === true;
    return { type: 'wire-chunk', chunk: event.chunk, text: event.text, model };
  }
  if (event.type === 'text-delta') {
    tally.text += event.text;
    return { type: 'text-delta', text: event.text, model };
  }
  tally.extra = event.delta;
  tally.aside += writtenIn(event.delta);
  tally.thought ||= (event.delta.reasoning_content ?? '') !== '';
  return { type: 'extra-delta', delta: event.delta, model };
}

/** The words of a delta, without what only names its parts. */
function writtenIn(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '';
  const named = Object.entries(value).filter(([name]) => name !== 'id' && name !== 'type');
  return named.map(([, inner]) => writtenIn(inner)).join('');
}

async function finish(
  parts: CompletionsParts,
  preparation: Preparation,
  tally: Tally,
  event: Extract<ProviderEvent, { type: 'finish' }>,
): Promise<void> {
  tally.settled = true;
  const { text, extra, answeredBy } = tally;
  const { reason, usage } = event;
  const durationMs = parts.runtime.elapsed() - preparation.began;
  if (preparation.policy.read) parts.cache.answered(durationMs);
  await parts.meter.settle(preparation.origin, {
    model: answeredBy.model,
    outcome: 'success',
    errorCode: null,
    usage,
    durationMs,
    firstTokenMs: tally.firstTokenMs,
    attempts: tally.attempts,
  });
  remember(parts, preparation, answeredBy, { text, extra, reason, usage, model: answeredBy.model.id });
}

async function settleUnfinished(
  parts: CompletionsParts,
  { origin, began, request }: Preparation,
  tally: Tally,
  failure: ParleyError | undefined,
  signal: AbortSignal,
): Promise<void> {
  const cancelled = failure === undefined || signal.aborted;
  const begun = tally.firstTokenMs !== null || (cancelled && tally.attempts > 0);
  const nothing = { promptTokens: 0, completionTokens: 0, estimated: true };
  const { text, aside, thought, answeredBy } = tally;
  const usage =
    tally.usage ?? (begun ? estimateUsage(request.messages, text + aside, answeredBy.model.media) : nothing);
  await parts.meter.settle(origin, {
    model: answeredBy.model,
    outcome: cancelled ? 'cancelled' : 'failure',
    errorCode: failure?.code ?? 'cancelled',
    usage: thought ? { ...usage, thought } : usage,
    durationMs: parts.runtime.elapsed() - began,
    firstTokenMs: tally.firstTokenMs,
    attempts: tally.attempts,
  });
}

function replay(parts: CompletionsParts, preparation: Preparation): CompletionEvent[] {
  const { text, model, reason, usage } = noteHit(parts, preparation);
  return [
    { type: 'text-delta', text, model },
    { type: 'finish', reason, usage, model },
  ];
}
