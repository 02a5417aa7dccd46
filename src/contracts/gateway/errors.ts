import { ParleyError, type ErrorCode } from '../../core/errors.ts';

/** gateway.md, "Error Codes". */
export type GatewayCode =
  | 'INVALID_REQUEST'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'RATE_LIMITED'
  /** Ours: the document has no budgets, and who waits a minute after `RATE_LIMITED` would wait in vain. */
  | 'BUDGET_EXCEEDED'
  | 'PROVIDER_ERROR'
  | 'TIMEOUT'
  | 'INTERNAL_ERROR';

interface GatewayError {
  status: number;
  code: GatewayCode;
}

const errors = {
  invalid_request: { status: 400, code: 'INVALID_REQUEST' },
  unauthorized: { status: 401, code: 'UNAUTHORIZED' },
  wrong_credentials: { status: 401, code: 'UNAUTHORIZED' },
  token_expired: { status: 401, code: 'UNAUTHORIZED' },
  token_invalid: { status: 401, code: 'UNAUTHORIZED' },
  account_disabled: { status: 403, code: 'FORBIDDEN' },
  already_taken: { status: 400, code: 'INVALID_REQUEST' },
  conflict: { status: 400, code: 'INVALID_REQUEST' },
  forbidden: { status: 403, code: 'FORBIDDEN' },
  not_found: { status: 404, code: 'NOT_FOUND' },
  model_not_found: { status: 400, code: 'INVALID_REQUEST' },
  payload_too_large: { status: 413, code: 'INVALID_REQUEST' },
  unsupported_media_type: { status: 415, code: 'INVALID_REQUEST' },
  rate_limited: { status: 429, code: 'RATE_LIMITED' },
  quota_exceeded: { status: 403, code: 'FORBIDDEN' },
  budget_exceeded: { status: 429, code: 'BUDGET_EXCEEDED' },
  overloaded: { status: 503, code: 'INTERNAL_ERROR' },
  maintenance: { status: 503, code: 'INTERNAL_ERROR' },
  provider_failed: { status: 502, code: 'PROVIDER_ERROR' },
  provider_timeout: { status: 504, code: 'TIMEOUT' },
  cancelled: { status: 499, code: 'INVALID_REQUEST' },
  interrupted: { status: 502, code: 'PROVIDER_ERROR' },
  storage_failed: { status: 500, code: 'INTERNAL_ERROR' },
  storage_unavailable: { status: 503, code: 'INTERNAL_ERROR' },
  internal: { status: 500, code: 'INTERNAL_ERROR' },
} satisfies Record<ErrorCode, GatewayError>;

export function gatewayError(code: ErrorCode): GatewayError {
  return errors[code];
}

/** gateway.md, "Error Response Format". `details.field` names the field at fault. */
export function presentError(error: ParleyError, requestId: string, now: number) {
  const { status, code } = errors[error.code];
  return {
    error: error.message,
    code,
    status_code: status,
    request_id: requestId,
    timestamp: new Date(now).toISOString(),
    details: error.field === undefined ? null : { field: error.field, issue: error.message },
  };
}

/** The same for what is not an HTTP request; `status` is 400, 408 or 431. */
export function presentUnreadable(status: number, text: string, requestId: string, now: number) {
  const error = presentError(new ParleyError('invalid_request', text), requestId, now);
  return { ...error, status_code: status };
}

/** gateway.md, "WebSocket API", "Error". */
export function errorFrame(id: string | null, error: ParleyError) {
  return {
    type: 'error',
    id,
    data: {
      error: error.message,
      code: errors[error.code].code,
      ...(error.field === undefined ? {} : { details: { field: error.field } }),
    },
  };
}
