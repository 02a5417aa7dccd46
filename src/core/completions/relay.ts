import { asParleyError, ParleyError } from '../errors.ts';

/** Statuses that say that the request itself is at fault: nobody else could answer it either. */
const refusals: ReadonlySet<number | undefined> = new Set([400, 404, 413, 422]);

/**
 * Throws a failure as one must hear it who wrote the vendor's request himself: a refusal of it is `invalid_request`, and too many
 * of them `rate_limited`, in the vendor's words.
 */
export function throwRelayed(thrown: unknown): never {
  const error = asParleyError(thrown);
  const { message, vendorStatus, retryable, retryAfterMs, internal } = error;
  const isRefused = refusals.has(vendorStatus);
  if (error.code !== 'provider_failed' || (!isRefused && vendorStatus !== 429)) throw error;
  throw new ParleyError(isRefused ? 'invalid_request' : 'rate_limited', message, {
    verbatim: true,
    vendorStatus,
    retryable,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(internal !== undefined && { internal }),
    cause: error,
  });
}

/** Whether a vendor refused what its client wrote itself, so that to ask others is of no use. */
export function isRefusedRequest({ code, vendorStatus }: ParleyError): boolean {
  return code === 'invalid_request' && refusals.has(vendorStatus);
}
