import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import type { ProviderTimeouts } from '../core/completions/provider.ts';
import { malformedError } from './vendor-errors.ts';
import { StreamExchange, WholeExchange, cancelled } from './vendor-exchange.ts';
import type { Vendor, VendorStream } from './vendor-exchange.ts';

const defaultConnections = 1024;
const keepAliveMs = 30_000;
const maxBodyBytes = 256 * 1024 * 1024;

/** What `createVendorHttp` needs. */
export interface VendorHttpParts {
  /** The provider's name in error messages. */
  name: string;
  /** Where paths are appended to, without a trailing slash. */
  baseUrl: string;
  /** Sent with every request. */
  headers: Record<string, string>;
  /** Values that must never appear in an error. */
  secrets: string[];
  /** All but the total one are undici's, whose clock ticks twice a second: they may come up to a second late. */
  timeouts: ProviderTimeouts;
  /** How many calls run at once; a stream counts for as long as it lasts, further calls wait. Default 1024. */
  connections?: number;
  /** The wall clock, for `Retry-After` dates. */
  now?: () => number;
}

/** JSON over HTTP with one vendor. Every failure is a `ParleyError`; see `vendor-errors.ts`. */
export interface VendorHttp {
  /** What errors need to know about this vendor. */
  readonly vendor: Vendor;
  postJson(path: string, body: unknown, signal: AbortSignal): Promise<unknown>;
  /** Resolves when the headers of a successful answer have come. */
  postStream(path: string, body: unknown, signal: AbortSignal): Promise<VendorStream>;
  getJson(path: string, signal: AbortSignal): Promise<unknown>;
  /** Destroys every connection; calls that still run fail. */
  close(): Promise<void>;
}

/** One connection pool to one vendor; throws `TypeError` where `baseUrl` is not a URL. */
export function createVendorHttp(parts: VendorHttpParts): VendorHttp {
  const { pathname, origin } = new URL(parts.baseUrl);
  const prefix = pathname.replace(/\/+$/, '');
  const pool = createPool(origin, parts);
  const vendor: Vendor = {
    name: parts.name,
    secrets: parts.secrets.filter((secret) => secret !== ''),
    timeouts: parts.timeouts,
    now: parts.now ?? Date.now,
  };
  const getHeaders = Object.entries({ accept: 'application/json', ...parts.headers }).flat();
  const postHeaders = ['content-type', 'application/json', ...getHeaders];
  const streamHeaders = Object.entries({
    'content-type': 'application/json',
    accept: 'text/event-stream',
    ...parts.headers,
  }).flat();

  async function whole(options: Dispatcher.DispatchOptions, signal: AbortSignal): Promise<unknown> {
    if (signal.aborted) throw cancelled(signal);
    const text = await new Promise<string>((resolve, reject) => {
      pool.dispatch(options, new WholeExchange(vendor, signal, resolve, reject));
    });
    return parseJson(vendor, text);
  }

  return {
    vendor,
    postJson(path, body, signal) {
      const options = {
        method: 'POST',
        path: prefix + path,
        headers: postHeaders,
        body: JSON.stringify(body),
      };
      return whole(options, signal);
    },
    getJson(path, signal) {
      return whole({ method: 'GET', path: prefix + path, headers: getHeaders }, signal);
    },
    async postStream(path, body, signal) {
      if (signal.aborted) throw cancelled(signal);
      const options = {
        method: 'POST',
        path: prefix + path,
        headers: streamHeaders,
        body: JSON.stringify(body),
      };
      return new Promise<VendorStream>((resolve, reject) => {
        const exchange = new StreamExchange(vendor, signal, resolve, reject);
        pool.dispatch(options, exchange);
      });
    },
    close: () => pool.destroy(),
  };
}

/** JSON that a vendor sent, as a value; throws `provider_failed`, retryable, where it is none. */
export function parseJson(vendor: Vendor, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformedError(vendor, 'an answer that is not JSON', text);
  }
}

function createPool(origin: string, { timeouts, connections }: VendorHttpParts): Pool {
  return new Pool(origin, {
    connections: connections ?? defaultConnections,
    pipelining: 1,
    connectTimeout: timeouts.connectMs,
    headersTimeout: timeouts.firstByteMs,
    bodyTimeout: timeouts.idleMs,
    keepAliveTimeout: keepAliveMs,
    maxResponseSize: maxBodyBytes,
  });
}
