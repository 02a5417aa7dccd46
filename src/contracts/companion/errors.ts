import type { ErrorCode, ParleyError } from '../../core/errors.ts';
import type { ErrorShape } from '../../http/error-answer.ts';

/** companion.md, "Status Codes": it knows no 502, so a provider that fails is 500. 413, 415, 429 and 503 are what it leaves open. */
const statuses = {
  invalid_request: 400,
  unauthorized: 401,
  wrong_credentials: 401,
  token_expired: 401,
  token_invalid: 401,
  account_disabled: 403,
  forbidden: 403,
  already_taken: 400,
  conflict: 400,
  not_found: 404,
  model_not_found: 400,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  quota_exceeded: 403,
  budget_exceeded: 429,
  overloaded: 503,
  maintenance: 503,
  provider_failed: 500,
  provider_timeout: 500,
  cancelled: 499,
  interrupted: 500,
  storage_failed: 500,
  storage_unavailable: 503,
  internal: 500,
} satisfies Record<ErrorCode, number>;

const statusOf = (code: ErrorCode): number => statuses[code];

/** companion.md, "Error Response". */
export function presentError(error: ParleyError) {
  return { detail: error.message };
}

export const errorShape: ErrorShape = { statusOf, present: presentError };

/**
 * For the address that is also assistant's: a client without a valid token may be of either contract, so its 401 is both
 * (contracts/README, "Where two documents claim the same address", 1).
 */
export const sharedErrorShape: ErrorShape = {
  statusOf,
  present(error) {
    if (statusOf(error.code) !== 401) return presentError(error);
    const code = error.code === 'token_expired' ? 'AUTH002' : 'AUTH003';
    return { ...presentError(error), error: { code, message: error.message, details: '' } };
  },
};
