import type { ErrorCode, ParleyError } from '../../core/errors.ts';
import type { ErrorShape } from '../../http/error-answer.ts';

/** assistant.md, "Business Error Codes", and those that contracts/README adds; `SYS003` is ours, for a fault of the server's own. */
export type AssistantCode =
  | 'AUTH001'
  | 'AUTH002'
  | 'AUTH003'
  | 'AUTH004'
  | 'REQ001'
  | 'REQ003'
  | 'RATE001'
  | 'CHAT001'
  | 'CHAT002'
  | 'CHAT003'
  | 'SYS001'
  | 'SYS002'
  | 'SYS003';

interface AssistantError {
  status: number;
  code: AssistantCode;
}

const errors = {
  invalid_request: { status: 400, code: 'REQ001' },
  unauthorized: { status: 401, code: 'AUTH003' },
  wrong_credentials: { status: 401, code: 'AUTH001' },
  token_expired: { status: 401, code: 'AUTH002' },
  token_invalid: { status: 401, code: 'AUTH003' },
  account_disabled: { status: 403, code: 'AUTH004' },
  forbidden: { status: 403, code: 'AUTH004' },
  already_taken: { status: 400, code: 'REQ003' },
  conflict: { status: 400, code: 'REQ003' },
  not_found: { status: 404, code: 'CHAT003' },
  model_not_found: { status: 400, code: 'REQ001' },
  payload_too_large: { status: 413, code: 'REQ001' },
  unsupported_media_type: { status: 415, code: 'REQ001' },
  rate_limited: { status: 429, code: 'RATE001' },
  quota_exceeded: { status: 403, code: 'CHAT001' },
  budget_exceeded: { status: 403, code: 'CHAT001' },
  overloaded: { status: 503, code: 'SYS002' },
  maintenance: { status: 503, code: 'SYS001' },
  provider_failed: { status: 502, code: 'CHAT002' },
  provider_timeout: { status: 502, code: 'CHAT002' },
  cancelled: { status: 499, code: 'CHAT002' },
  interrupted: { status: 502, code: 'CHAT002' },
  storage_failed: { status: 500, code: 'SYS003' },
  storage_unavailable: { status: 503, code: 'SYS003' },
  internal: { status: 500, code: 'SYS003' },
} satisfies Record<ErrorCode, AssistantError>;

/** assistant.md, "Error Response Format". `details` names the field at fault, and is empty where there is none. */
export function presentError(error: ParleyError) {
  return { error: { code: errors[error.code].code, message: error.message, details: error.field ?? '' } };
}

export const errorShape: ErrorShape = {
  statusOf: (code) => errors[code].status,
  present: presentError,
};

/** Where a request without a valid token may be another contract's, whose clients read `detail`. */
export const sharedErrorShape: ErrorShape = {
  ...errorShape,
  present(error) {
    const body = presentError(error);
    return errors[error.code].status === 401 ? { ...body, detail: error.message } : body;
  },
};
