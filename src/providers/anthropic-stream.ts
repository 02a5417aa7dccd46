import type { FinishReason, ModelRequest, ProviderEvent } from '../core/completions/provider.ts';
import { addUsage, toFinishReason, toReportedError, toUsage } from './anthropic-answer.ts';
import type { AnthropicUsage } from './anthropic-answer.ts';
import { completeUsage } from './estimated-usage.ts';
import type { EstimateTokens } from './estimated-usage.ts';
import { readEvents } from './sse-events.ts';
import { malformedError } from './vendor-errors.ts';
import { isCancelled } from './vendor-exchange.ts';
import type { Vendor, VendorStream } from './vendor-exchange.ts';
import { parseJson } from './vendor-http.ts';
import { objectOf, stringOf, typedOf } from './wire-values.ts';
import type { WireObject } from './wire-values.ts';

interface Progress {
  reason: FinishReason | undefined;
  usage: AnthropicUsage;
  stopped: boolean;
  output: string;
  /** How many tools have been called so far. */
  tools: number;
  /** The state of the block that is being streamed: no tool call, one without and one with arguments so far. */
  tool: 'none' | 'empty' | 'filled';
}

/**
 * The events of a streamed message, which the first read opens. `finish` comes last; a stream that ends with
 * neither a stop reason nor `message_stop` is `provider_failed`.
 * https://docs.anthropic.com/en/docs/build-with-claude/streaming
 */
export async function* fromAnthropicStream(
  vendor: Vendor,
  open: () => Promise<VendorStream>,
  request: ModelRequest,
  estimateTokens: EstimateTokens,
): AsyncGenerator<ProviderEvent[], void, undefined> {
  const progress: Progress = {
    reason: undefined,
    usage: {},
    stopped: false,
    output: '',
    tools: 0,
    tool: 'none',
  };
  const stream = await open();
  try {
    for await (const events of readEvents(vendor, stream, (event) => event.event === 'message_stop')) {
      const group: ProviderEvent[] = [];
      try {
        for (const { data } of events) {
          const event = readEvent(vendor, data, progress);
          if (event !== null) group.push(event);
        }
      } finally {
        if (group.length > 0) yield group;
      }
    }
  } catch (error) {
    // All of the answer is there: a connection lost before `message_stop` must not take it away.
    if (progress.reason === undefined || isCancelled(error)) throw error;
  }
  if (progress.reason === undefined && !progress.stopped)
    throw malformedError(vendor, 'a stream that ended before the answer did');
  const usage = completeUsage(toUsage(progress.usage), request, progress.output, estimateTokens);
  yield [{ type: 'finish', reason: progress.reason ?? 'stop', usage }];
}

function readEvent(vendor: Vendor, data: string, progress: Progress): ProviderEvent | null {
  const event = objectOf(parseJson(vendor, data)) ?? {};
  switch (event.type) {
    case 'message_start':
      progress.usage = addUsage(progress.usage, objectOf(event.message)?.usage);
      return null;
    case 'content_block_start':
      return startBlock(objectOf(event.content_block), progress);
    case 'content_block_delta':
      return readDelta(objectOf(event.delta), progress);
    case 'content_block_stop':
      return stopBlock(progress);
    case 'message_delta':
      progress.usage = addUsage(progress.usage, event.usage);
      progress.reason = readStopReason(event) ?? progress.reason;
      return null;
    case 'message_stop':
      progress.stopped = true;
      return null;
    case 'error':
      throw toReportedError(vendor, event);
    default:
      // `ping`, and whatever is added: the documentation asks to ignore unknown events.
      return null;
  }
}

function readStopReason(event: WireObject): FinishReason | undefined {
  const reason = objectOf(event.delta)?.stop_reason;
  return typeof reason === 'string' ? toFinishReason(reason) : undefined;
}

function startBlock(block: WireObject | undefined, progress: Progress): ProviderEvent | null {
  progress.tool = 'none';
  if (block?.type !== 'tool_use') return textDelta(block?.text, progress);
  progress.tool = 'empty';
  const index = progress.tools++;
  progress.output += stringOf(block.name);
  const called = { name: block.name, arguments: '' };
  return toolDelta({ index, id: block.id, type: 'function', function: called });
}

function readDelta(delta: WireObject | undefined, progress: Progress): ProviderEvent | null {
  const json = stringOf(typedOf(delta, 'input_json_delta')?.partial_json);
  if (json !== '' && progress.tool !== 'none') return inputDelta(json, progress);
  return textDelta(typedOf(delta, 'text_delta')?.text, progress);
}

// A tool without parameters gets no arguments at all, but OpenAI's clients parse them as JSON.
function stopBlock(progress: Progress): ProviderEvent | null {
  return progress.tool === 'empty' ? inputDelta('{}', progress) : null;
}

function inputDelta(json: string, progress: Progress): ProviderEvent {
  progress.tool = 'filled';
  progress.output += json;
  return toolDelta({ index: progress.tools - 1, function: { arguments: json } });
}

function toolDelta(call: WireObject): ProviderEvent {
  return { type: 'extra-delta', delta: { tool_calls: [call] } };
}

function textDelta(value: unknown, progress: Progress): ProviderEvent | null {
  const text = stringOf(value);
  progress.output += text;
  return text === '' ? null : { type: 'text-delta', text };
}
