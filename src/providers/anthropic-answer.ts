import type { Answer, FinishReason, ModelRequest } from '../core/completions/provider.ts';
import { fromToolUse } from './anthropic-tools.ts';
import { completeUsage } from './estimated-usage.ts';
import type { EstimateTokens, ReportedUsage } from './estimated-usage.ts';
import { malformedError, reportedError } from './vendor-errors.ts';
import type { VendorIdentity } from './vendor-errors.ts';
import { arrayOf, countOf, objectOf, stringOf, typedOf } from './wire-values.ts';
import type { WireObject } from './wire-values.ts';

const finishReasons: ReadonlyMap<unknown, FinishReason> = new Map([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool_calls'],
  ['refusal', 'content_filter'],
] as const);

/** The error types of https://docs.anthropic.com/en/api/errors that may not happen again. */
const retryableTypes: ReadonlySet<unknown> = new Set([
  'overloaded_error',
  'api_error',
  'rate_limit_error',
  'timeout_error',
]);

/** The answer of `POST /v1/messages`; throws `provider_failed` where there is none in it. */
export function fromAnthropicAnswer(
  vendor: VendorIdentity,
  body: unknown,
  request: ModelRequest,
  estimateTokens: EstimateTokens,
): Answer {
  const answer = objectOf(body);
  if (answer?.type === 'error') throw toReportedError(vendor, answer);
  if (!Array.isArray(answer?.content))
    throw malformedError(vendor, 'an answer without content', JSON.stringify(body));
  const text = answer.content.map((block) => stringOf(typedOf(block, 'text')?.text)).join('');
  const calls = arrayOf(answer.content)
    .map((block) => typedOf(block, 'tool_use'))
    .filter((block) => block !== undefined)
    .map(fromToolUse);
  const output = calls.length === 0 ? text : text + JSON.stringify(calls);
  const usage = toUsage(addUsage({}, answer.usage));
  return {
    text,
    ...(calls.length > 0 && { extra: { tool_calls: calls } }),
    reason: toFinishReason(answer.stop_reason),
    usage: completeUsage(usage, request, output, estimateTokens),
  };
}

/** An `error` answer or event as `provider_failed`. */
export function toReportedError(vendor: VendorIdentity, event: WireObject): Error {
  return reportedError(vendor, event.error, { retryable: retryableTypes.has(objectOf(event.error)?.type) });
}

/** Anthropic's `stop_reason` as core knows it; an unknown one is `stop`. */
export function toFinishReason(reason: unknown): FinishReason {
  return finishReasons.get(reason) ?? 'stop';
}

/** Anthropic's counts as far as they are known; absent where nothing has been said. */
export interface AnthropicUsage {
  input?: number;
  cacheRead?: number;
  cacheCreation?: number;
  output?: number;
}

/**
 * `known` with what a further `usage` object says. Counts of a stream are cumulative, so the larger one holds:
 * compatible services send zeros first and the truth last.
 */
export function addUsage(known: AnthropicUsage, value: unknown): AnthropicUsage {
  const usage = objectOf(value);
  if (usage === undefined) return known;
  const next = { ...known };
  raise(next, 'input', usage.input_tokens);
  raise(next, 'cacheRead', usage.cache_read_input_tokens);
  raise(next, 'cacheCreation', usage.cache_creation_input_tokens);
  raise(next, 'output', usage.output_tokens);
  return next;
}

function raise(usage: AnthropicUsage, key: keyof AnthropicUsage, value: unknown): void {
  const count = countOf(value);
  if (count !== undefined) usage[key] = Math.max(usage[key] ?? 0, count);
}

/** Anthropic counts cached tokens beside the prompt's, core counts them as part of it. */
export function toUsage(usage: AnthropicUsage): ReportedUsage {
  const { input, cacheRead, cacheCreation, output } = usage;
  return {
    promptTokens: input === undefined ? undefined : input + (cacheRead ?? 0) + (cacheCreation ?? 0),
    completionTokens: output,
    cachedPromptTokens: cacheRead,
  };
}
