import type { Message, Part } from '../core/completions/messages.ts';
import type {
  Answer,
  EmbeddingAnswer,
  EmbeddingRequest,
  FinishReason,
  ModelRequest,
} from '../core/completions/provider.ts';
import { completeUsage } from './estimated-usage.ts';
import type { EstimateTokens, ReportedUsage } from './estimated-usage.ts';
import { isRetryableStatus, malformedError, reportedError } from './vendor-errors.ts';
import type { VendorIdentity } from './vendor-errors.ts';
import { arrayOf, countOf, objectOf, stringOf } from './wire-values.ts';
import type { WireObject } from './wire-values.ts';

/** OpenAI's reasoning models refuse `max_tokens`; everybody else's servers may not know its successor. */
const wantsCompletionLimit = /^(?:o[134](?:-|$)|gpt-5)/;

const finishReasons: ReadonlyMap<unknown, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
  ['tool_calls', 'tool_calls'],
  ['function_call', 'tool_calls'],
  ['content_filter', 'content_filter'],
] as const);

/** The body of `POST /chat/completions` for a whole answer. */
export function toOpenAiRequest(request: ModelRequest): WireObject {
  const { stream: _, stream_options: __, ...body } = request.extra ?? {};
  body.model = request.model;
  body.messages = request.messages.map(toOpenAiMessage);
  if (request.temperature !== undefined) body.temperature = request.temperature;
  if (request.maxTokens !== undefined)
    body[wantsCompletionLimit.test(request.model) ? 'max_completion_tokens' : 'max_tokens'] =
      request.maxTokens;
  return body;
}

/** The body of `POST /chat/completions` for a streamed answer; `usageInStream` asks for a last chunk with the usage. */
export function toOpenAiStreamRequest(request: ModelRequest, usageInStream: boolean): WireObject {
  const body = toOpenAiRequest(request);
  body.stream = true;
  if (usageInStream)
    body.stream_options = { ...objectOf(request.extra?.stream_options), include_usage: true };
  return body;
}

function toOpenAiMessage(message: Message): WireObject {
  const content = Array.isArray(message.content) ? message.content.map(toOpenAiPart) : message.content;
  if (message.extra === undefined) return { role: message.role, content };
  return { ...message.extra, role: message.role, content };
}

function toOpenAiPart(part: Part): WireObject {
  if (part.type !== 'other' && part.wire !== undefined) return part.wire;
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image':
      return {
        type: 'image_url',
        image_url: part.detail === undefined ? { url: part.url } : { url: part.url, detail: part.detail },
      };
    case 'video':
      return { type: 'video_url', video_url: { url: part.url } };
    case 'other':
      return part.value;
  }
}

/** The answer of `POST /chat/completions`; throws `provider_failed` where there is none in it. */
export function fromOpenAiAnswer(
  vendor: VendorIdentity,
  body: unknown,
  request: ModelRequest,
  estimateTokens: EstimateTokens,
): Answer {
  const answer = objectOf(body);
  throwReported(vendor, answer);
  const choice = objectOf(arrayOf(answer?.choices)[0]);
  if (choice === undefined) throw malformedError(vendor, 'an answer without choices', JSON.stringify(body));
  const { role: _, content, ...rest } = objectOf(choice.message) ?? {};
  const text = contentText(content);
  const extra = withoutNulls(rest);
  const output = extra === undefined ? text : text + outputOf(extra);
  return {
    text,
    ...(extra !== undefined && { extra }),
    reason: toFinishReason(choice.finish_reason),
    usage: completeUsage(
      { ...readOpenAiUsage(answer?.usage), thought: hasThoughts(rest) },
      request,
      output,
      estimateTokens,
    ),
  };
}

/** Throws what an answer or a chunk reports as its `error`: some vendors do so with status 200. */
export function throwReported(vendor: VendorIdentity, body: WireObject | undefined): void {
  const reported = body?.error;
  if (reported === undefined || reported === null) return;
  const { code, type } = objectOf(reported) ?? {};
  const status = Number(code) >= 100 ? Number(code) : type === 'invalid_request_error' ? 400 : undefined;
  const retryable = status === undefined || isRetryableStatus(status);
  throw reportedError(vendor, reported, { retryable, vendorStatus: status });
}

/** OpenAI's `finish_reason` as core knows it; an unknown one is `stop`. */
export function toFinishReason(reason: unknown): FinishReason {
  return finishReasons.get(reason) ?? 'stop';
}

/** Content as text: vendors send a string, null, or an array of parts. */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  return arrayOf(content)
    .map((part) => (typeof part === 'string' ? part : stringOf(objectOf(part)?.text)))
    .join('');
}

/** The text that an answer's further fields cost: arguments of tools, reasoning, a refusal. For estimates only. */
export function outputOf(extra: WireObject): string {
  const calls = arrayOf(extra.tool_calls).map((call) => {
    const called = objectOf(objectOf(call)?.function);
    return stringOf(called?.name) + stringOf(called?.arguments);
  });
  return calls.join('') + stringOf(extra.reasoning_content) + stringOf(extra.refusal);
}

/** Whether a message or a delta holds what the model thinks before it answers. */
export function hasThoughts({ reasoning_content: thoughts }: WireObject): boolean {
  return stringOf(thoughts) !== '';
}

/** `fields` without those that are null, which OpenAI sends for everything that an answer lacks. */
export function withoutNulls(fields: WireObject): WireObject | undefined {
  let kept: WireObject | undefined;
  for (const key in fields) {
    if (fields[key] === null || fields[key] === undefined) continue;
    kept ??= {};
    kept[key] = fields[key];
  }
  return kept;
}

/** The `usage` of an answer or a chunk. */
export function readOpenAiUsage(value: unknown): ReportedUsage {
  const usage = objectOf(value);
  if (usage === undefined) return {};
  return {
    promptTokens: countOf(usage.prompt_tokens),
    completionTokens: countOf(usage.completion_tokens),
    cachedPromptTokens: countOf(objectOf(usage.prompt_tokens_details)?.cached_tokens),
    reasoningTokens: countOf(objectOf(usage.completion_tokens_details)?.reasoning_tokens),
  };
}

/** The body of `POST /embeddings`. */
export function toOpenAiEmbeddingRequest(request: EmbeddingRequest): WireObject {
  const body: WireObject = { model: request.model, input: request.inputs, encoding_format: 'float' };
  if (request.dimensions !== undefined) body.dimensions = request.dimensions;
  return body;
}

/** The answer of `POST /embeddings`, its vectors in the order of the inputs; throws `provider_failed` where one is missing. */
export function fromOpenAiEmbeddings(
  vendor: VendorIdentity,
  body: unknown,
  request: EmbeddingRequest,
  estimateTokens: EstimateTokens,
): EmbeddingAnswer {
  const answer = objectOf(body);
  throwReported(vendor, answer);
  const vectors = request.inputs.map((): Float32Array | undefined => undefined);
  arrayOf(answer?.data).forEach((value, position) => {
    const entry = objectOf(value);
    const index = countOf(entry?.index) ?? position;
    const numbers = entry?.embedding;
    if (index < vectors.length && Array.isArray(numbers)) vectors[index] = Float32Array.from(numbers);
  });
  const complete = vectors.filter((vector) => vector !== undefined);
  if (complete.length !== request.inputs.length)
    throw malformedError(vendor, `${complete.length} embeddings for ${request.inputs.length} inputs`);
  const promptTokens = countOf(objectOf(answer?.usage)?.prompt_tokens);
  return { vectors: complete, promptTokens: promptTokens ?? estimateTokens(request.inputs.join('\n')) };
}
