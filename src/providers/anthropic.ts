import type { Provider, ProviderTimeouts } from '../core/completions/provider.ts';
import { fromAnthropicAnswer } from './anthropic-answer.ts';
import { fromAnthropicStream } from './anthropic-stream.ts';
import { toAnthropicRequest } from './anthropic-wire.ts';
import type { EstimateTokens } from './estimated-usage.ts';
import { createVendorHttp } from './vendor-http.ts';
import { modelIdsOf } from './wire-values.ts';

const apiVersion = '2023-06-01';

/** What `createAnthropicProvider` needs. */
export interface AnthropicParts {
  /** The provider's name in errors and figures. */
  name: string;
  /** With or without its `/v1`. */
  baseUrl: string;
  apiKey: string;
  timeouts: ProviderTimeouts;
  /** For answers whose vendor does not report usage. */
  estimateTokens: EstimateTokens;
  /** The limit where a request names none, as Anthropic demands one. Default 4096. */
  defaultMaxTokens?: number;
  /** Calls at once, running streams included. Default 1024. */
  connections?: number;
}

/** Anthropic's Messages API. It has no embeddings. */
export function createAnthropicProvider(parts: AnthropicParts): Provider {
  const { name, apiKey, timeouts, estimateTokens, defaultMaxTokens = 4096, connections } = parts;
  const http = createVendorHttp({
    name,
    baseUrl: parts.baseUrl.replace(/\/+$/, '').replace(/\/v1$/, ''),
    headers: { 'x-api-key': apiKey, 'anthropic-version': apiVersion },
    secrets: [apiKey],
    timeouts,
    ...(connections !== undefined && { connections }),
  });

  return {
    name,
    async answer(request, signal) {
      const body = await http.postJson('/v1/messages', toAnthropicRequest(request, defaultMaxTokens), signal);
      return fromAnthropicAnswer(http.vendor, body, request, estimateTokens);
    },
    stream(request, signal) {
      const open = async () => {
        const body = toAnthropicRequest(request, defaultMaxTokens);
        body.stream = true;
        return http.postStream('/v1/messages', body, signal);
      };
      return fromAnthropicStream(http.vendor, open, request, estimateTokens);
    },
    async listModels(signal) {
      return modelIdsOf(await http.getJson('/v1/models?limit=1000', signal));
    },
    close: () => http.close(),
  };
}
