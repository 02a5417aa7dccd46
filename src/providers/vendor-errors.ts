import type { IncomingHttpHeaders } from 'node:http';
import { ParleyError } from '../core/errors.ts';
import type { ProviderTimeouts } from '../core/completions/provider.ts';

const publicMessageLimit = 300;
const excerptLimit = 2_000;
const retryableStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429]);
const hopelessCodes: ReadonlySet<string> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_DESTROYED',
  'UND_ERR_CLOSED',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
]);

/** What the errors of one vendor need to know about it. */
export interface VendorIdentity {
  /** The provider's configured name, shown to clients. */
  name: string;
  /** Values that no message and no log may contain, such as the API key. */
  secrets: readonly string[];
}

/** An answer with a status of 300 or more: `provider_failed`, retryable for 408, 409, 425, 429 and 5xx. */
export function statusError(
  vendor: VendorIdentity,
  status: number,
  headers: IncomingHttpHeaders,
  body: string,
  now: number,
): ParleyError {
  const said = vendorMessage(parseOrNull(body));
  const retryAfterMs = readRetryAfter(headers, now);
  const text = `${vendor.name} answered with status ${status}${said === undefined ? '' : `: ${said}`}`;
  return new ParleyError('provider_failed', publicText(vendor, text), {
    retryable: isRetryableStatus(status),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    vendorStatus: status,
    internal: { status, body: redact(vendor, body).slice(0, excerptLimit) },
  });
}

/** An error object inside an answer or stream whose status was 200: `provider_failed`. */
export function reportedError(
  vendor: VendorIdentity,
  reported: unknown,
  options: { retryable: boolean; vendorStatus?: number | undefined },
): ParleyError {
  const said = vendorMessage({ error: reported });
  const text = `${vendor.name} reported an error${said === undefined ? '' : `: ${said}`}`;
  const body = redact(vendor, JSON.stringify(reported) ?? '').slice(0, excerptLimit);
  return new ParleyError('provider_failed', publicText(vendor, text), { ...options, internal: { body } });
}

/** An answer that is not what the vendor's protocol says: `provider_failed`, retryable. */
export function malformedError(vendor: VendorIdentity, what: string, body = ''): ParleyError {
  return new ParleyError('provider_failed', `${vendor.name} sent ${what}`, {
    retryable: true,
    internal: { body: redact(vendor, body).slice(0, excerptLimit) },
  });
}

/** What went wrong below HTTP: `provider_timeout`, or `provider_failed`, as a rule retryable. */
export function transportError(
  vendor: VendorIdentity,
  timeouts: ProviderTimeouts,
  error: Error & { code?: unknown },
): ParleyError {
  const code = typeof error.code === 'string' ? error.code : error.name;
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT')
    return timeoutError(vendor, 'connect', timeouts.connectMs, error);
  if (code === 'UND_ERR_HEADERS_TIMEOUT')
    return timeoutError(vendor, 'first byte', timeouts.firstByteMs, error);
  if (code === 'UND_ERR_BODY_TIMEOUT') return timeoutError(vendor, 'idle', timeouts.idleMs, error);
  const hopeless = hopelessCodes.has(code);
  return new ParleyError('provider_failed', `The connection to ${vendor.name} failed (${code})`, {
    retryable: !hopeless,
    cause: error,
  });
}

/** One of the four limits of `ProviderTimeouts` passed; `total` leaves no time for a repeat. */
export function timeoutError(
  vendor: VendorIdentity,
  which: 'connect' | 'first byte' | 'idle' | 'total',
  limitMs: number,
  cause?: Error,
): ParleyError {
  const text = `${vendor.name} took too long (${which} timeout of ${limitMs} ms)`;
  return new ParleyError('provider_timeout', text, { retryable: which !== 'total', cause });
}

/** Whether a call that was answered with `status` may succeed when repeated. */
export function isRetryableStatus(status: number): boolean {
  return retryableStatuses.has(status) || status >= 500;
}

/** The wait that an answer asks for, in milliseconds; see RFC 9110, section 10.2.3. `now` is the wall clock. */
export function readRetryAfter(headers: IncomingHttpHeaders, now: number): number | undefined {
  const exact = headers['retry-after-ms'];
  if (typeof exact === 'string' && isDecimal(exact)) return Math.ceil(Number(exact));
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  if (isDecimal(value)) return Math.ceil(Number(value) * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function isDecimal(text: string): boolean {
  return /^\s*\d+(\.\d+)?\s*$/.test(text);
}

// Vendors agree on no error shape: OpenAI and Anthropic nest it, Ollama sends a string, FastAPI servers `detail`.
function vendorMessage(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { error, message, detail } = body as Record<string, unknown>;
  const nested =
    typeof error === 'object' && error !== null ? (error as { message?: unknown }).message : error;
  return [nested, message, detail].find((text) => typeof text === 'string' && text !== '') as
    string | undefined;
}

function parseOrNull(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function publicText(vendor: VendorIdentity, text: string): string {
  // Secrets go first: a cut through the middle of one would hide it from the search.
  const clean = redact(vendor, text).replace(/\s+/g, ' ').trim();
  return clean.length <= publicMessageLimit ? clean : `${clean.slice(0, publicMessageLimit - 1)}…`;
}

/** Without secrets, and without the images and videos that vendors repeat. */
function redact(vendor: VendorIdentity, text: string): string {
  const clean = vendor.secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  return clean.replace(/\bdata:[\w.+/\\;=-]{1,200},[\w+/\\=-]+/gi, 'data:…');
}
