import type { Provider, ProviderTimeouts } from '../core/completions/provider.ts';
import type { EstimateTokens } from './estimated-usage.ts';
import {
  createChunkRelay,
  fromRelayedAnswer,
  toRelayedRequest,
  toRelayedStreamRequest,
} from './openai-relay.ts';
import { fromOpenAiStream } from './openai-stream.ts';
import {
  fromOpenAiAnswer,
  fromOpenAiEmbeddings,
  toOpenAiEmbeddingRequest,
  toOpenAiRequest,
  toOpenAiStreamRequest,
} from './openai-wire.ts';
import { createVendorHttp } from './vendor-http.ts';
import { modelIdsOf } from './wire-values.ts';

/** What `createOpenAiCompatibleProvider` needs. */
export interface OpenAiCompatibleParts {
  /** The provider's name in errors and figures. */
  name: string;
  /** With or without its `/v1`. */
  baseUrl: string;
  /** Left out for servers that want none, such as a local Ollama. */
  apiKey?: string;
  timeouts: ProviderTimeouts;
  /** Further request headers. */
  headers?: Record<string, string>;
  /** For answers whose vendor does not report usage. */
  estimateTokens: EstimateTokens;
  /** Whether to ask for usage at a stream's end, which a few old servers refuse. Default true. */
  usageInStream?: boolean;
  /** Calls at once, running streams included. Default 1024. */
  connections?: number;
}

/** Any service with OpenAI's chat completions: OpenAI, Bailian, vLLM, Ollama, LM Studio … */
export function createOpenAiCompatibleProvider(parts: OpenAiCompatibleParts): Provider {
  const { name, apiKey, timeouts, estimateTokens, usageInStream = true, connections } = parts;
  const http = createVendorHttp({
    name,
    baseUrl: versionedBase(parts.baseUrl),
    headers: { ...(apiKey && { authorization: `Bearer ${apiKey}` }), ...parts.headers },
    secrets: [apiKey ?? '', ...Object.values(parts.headers ?? {}).filter(isLong)],
    timeouts,
    ...(connections !== undefined && { connections }),
  });

  return {
    name,
    async answer(request, signal) {
      const { wire } = request;
      const asked = wire === undefined ? toOpenAiRequest(request) : toRelayedRequest(request, wire);
      const body = await http.postJson('/chat/completions', asked, signal);
      const read = wire === undefined ? fromOpenAiAnswer : fromRelayedAnswer;
      return read(http.vendor, body, request, estimateTokens);
    },
    stream(request, signal) {
      const { wire } = request;
      const asked = () =>
        wire === undefined
          ? toOpenAiStreamRequest(request, usageInStream)
          : toRelayedStreamRequest(request, wire, usageInStream);
      const open = () => http.postStream('/chat/completions', asked(), signal);
      const read = wire && createChunkRelay(wire);
      return fromOpenAiStream(http.vendor, open, request, estimateTokens, read);
    },
    async embed(request, signal) {
      const body = await http.postJson('/embeddings', toOpenAiEmbeddingRequest(request), signal);
      return fromOpenAiEmbeddings(http.vendor, body, request, estimateTokens);
    },
    async listModels(signal) {
      return modelIdsOf(await http.getJson('/models', signal));
    },
    close: () => http.close(),
  };
}

function versionedBase(baseUrl: string): string {
  const base = baseUrl.replace(/\/+$/, '');
  return base.endsWith('/v1') ? base : `${base}/v1`;
}

// Gateways take their key in headers of other names; short values are no keys, and to blank them out would
// spoil messages.
function isLong(value: string): boolean {
  return value.length >= 12;
}
