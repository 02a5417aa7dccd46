import type { Citation } from '../../storage/messages.ts';
import type { Message } from './messages.ts';

/** Tokens of one model call. */
export interface Usage {
  promptTokens: number;
  completionTokens: number;
  /** Part of `promptTokens` that the vendor served from its own prompt cache. */
  cachedPromptTokens?: number;
  /** Part of `completionTokens` that the model thought before it answered, where the vendor says. */
  reasoningTokens?: number;
  /** There where the answer came with what the model had thought. */
  thought?: true;
  /** True where the vendor did not say and the figures are our estimate. */
  estimated: boolean;
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

/** What a provider is asked, in core's words; `model` is the vendor's own name for it. */
export interface ModelRequest {
  model: string;
  messages: Message[];
  /** 0 to 2. */
  temperature?: number;
  /** 1 and up. */
  maxTokens?: number;
  /** Further parameters in the spelling of OpenAI's wire format (`tools`, `top_p`, `stop`, `seed` …), passed on as they are. */
  extra?: Record<string, unknown>;
  /**
   * The client's own request in OpenAI's wire format, for a provider that speaks it: it is sent as it is, but for the model
   * and, on a stream, that usage is wanted, and the vendor's words come back as they are. Others go by the fields above.
   */
  wire?: Record<string, unknown>;
}

/** A whole answer. */
export interface Answer {
  text: string;
  /** Further fields of the assistant message in OpenAI's wire spelling (`tool_calls`, `refusal` …). */
  extra?: Record<string, unknown>;
  reason: FinishReason;
  usage: Usage;
  /** Where the provider looked it up, of a provider that does. */
  citations?: Citation[];
  /** The vendor's body as it came; of a request with `wire` to a provider that speaks OpenAI's wire format. */
  wire?: Record<string, unknown>;
}

/**
 * What a streamed answer consists of. A stream ends with exactly one `finish`, which carries the usage;
 * a failure is thrown as `ParleyError`, so that no consumer can overlook it.
 */
export type ProviderEvent =
  | { type: 'text-delta'; text: string }
  /** A delta that is not plain text, in the spelling of OpenAI's `choices[0].delta` (`tool_calls` …). */
  | { type: 'extra-delta'; delta: Record<string, unknown> }
  /**
   * Instead of deltas, of a request with `wire` to a provider that speaks OpenAI's wire format: a chunk of the stream on one
   * line, as the vendor sent it. `text` is what was written in it, tool calls and reasoning included, for estimates; `thought` is there
   * where it holds some of what the model thinks before it answers.
   */
  | { type: 'wire-chunk'; chunk: string; text: string; thought?: true }
  | { type: 'finish'; reason: FinishReason; usage: Usage; citations?: Citation[] };

export interface EmbeddingRequest {
  model: string;
  /** Texts, or texts as the vendor's own token numbers. */
  inputs: string[] | number[][];
  /** Length of each vector where the model can choose. */
  dimensions?: number;
}

export interface EmbeddingAnswer {
  vectors: Float32Array[];
  promptTokens: number;
}

/**
 * One vendor. Implementations throw `ParleyError` with `provider_failed` (with `retryable`, and `retryAfterMs` where
 * the vendor said so), `provider_timeout` or `cancelled`. Aborting `signal` must close the vendor's socket.
 */
export interface Provider {
  readonly name: string;
  /** Whether it looks into the knowledge base by itself. */
  readonly retrieves?: boolean;
  answer(request: ModelRequest, signal: AbortSignal): Promise<Answer>;
  /**
   * Events in groups as they arrived together, none empty: a turn of the promise queue is paid per group, not per token.
   */
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ProviderEvent[]>;
  embed?(request: EmbeddingRequest, signal: AbortSignal): Promise<EmbeddingAnswer>;
  /** The vendor's own list of model ids, where it has one. */
  listModels?(signal: AbortSignal): Promise<string[]>;
  /** Changes when equal requests may get other answers than before (a new knowledge base); part of the cache key. */
  revision?(): string;
  close(): Promise<void>;
}

/** Limits on one vendor call, in milliseconds. */
export interface ProviderTimeouts {
  connectMs: number;
  /** From the request's last byte to the answer's headers. */
  firstByteMs: number;
  /** Between two pieces of the answer. */
  idleMs: number;
  /** The whole call, start to end. */
  totalMs: number;
}
