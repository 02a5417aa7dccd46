import type { ErrorCode, ParleyError } from '../../core/errors.ts';

interface OpenAiError {
  status: number;
  type: string;
  code: string | null;
}

/** OpenAI's API reference, "Error codes". */
const errors = {
  invalid_request: { status: 400, type: 'invalid_request_error', code: null },
  unauthorized: { status: 401, type: 'invalid_request_error', code: 'invalid_api_key' },
  wrong_credentials: { status: 401, type: 'invalid_request_error', code: 'invalid_api_key' },
  token_expired: { status: 401, type: 'invalid_request_error', code: 'invalid_api_key' },
  token_invalid: { status: 401, type: 'invalid_request_error', code: 'invalid_api_key' },
  account_disabled: { status: 403, type: 'invalid_request_error', code: 'insufficient_permissions' },
  already_taken: { status: 400, type: 'invalid_request_error', code: null },
  conflict: { status: 400, type: 'invalid_request_error', code: 'conflict' },
  forbidden: { status: 403, type: 'invalid_request_error', code: 'insufficient_permissions' },
  not_found: { status: 404, type: 'invalid_request_error', code: 'not_found' },
  model_not_found: { status: 404, type: 'invalid_request_error', code: 'model_not_found' },
  payload_too_large: { status: 413, type: 'invalid_request_error', code: 'request_too_large' },
  unsupported_media_type: { status: 415, type: 'invalid_request_error', code: 'unsupported_content_type' },
  rate_limited: { status: 429, type: 'requests', code: 'rate_limit_exceeded' },
  quota_exceeded: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota' },
  budget_exceeded: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota' },
  overloaded: { status: 503, type: 'server_error', code: 'overloaded' },
  maintenance: { status: 503, type: 'server_error', code: 'maintenance' },
  provider_failed: { status: 502, type: 'server_error', code: 'provider_error' },
  provider_timeout: { status: 504, type: 'server_error', code: 'timeout' },
  cancelled: { status: 499, type: 'invalid_request_error', code: 'cancelled' },
  interrupted: { status: 502, type: 'server_error', code: 'provider_error' },
  storage_failed: { status: 500, type: 'server_error', code: null },
  storage_unavailable: { status: 503, type: 'server_error', code: null },
  internal: { status: 500, type: 'server_error', code: null },
} satisfies Record<ErrorCode, OpenAiError>;

export function openAiError(code: ErrorCode): OpenAiError {
  return errors[code];
}

/** An error as OpenAI's clients read it. */
export function presentError(error: ParleyError) {
  const { type, code } = errors[error.code];
  return { error: { message: error.message, type, param: error.field ?? null, code } };
}
