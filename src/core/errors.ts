import { inEnglish, type Issue } from './issue.ts';
import { storageFailureOf } from './storage-failure.ts';

/**
 * Every failure that core, storage or a provider reports on purpose. Contracts translate each code into
 * their own status and shape; the translation is exhaustive by type (`satisfies Record<ErrorCode, …>`).
 */
export const errorCodes = [
  'invalid_request',
  // Credentials are wanted and nothing was shown, or an API key that is not valid.
  'unauthorized',
  // A login whose name or password is wrong; which of them is not said.
  'wrong_credentials',
  'token_expired',
  // A bad signature, a revoked login, a disabled user.
  'token_invalid',
  // The right password of an account that may not log in.
  'account_disabled',
  // A name or address that another account has; `field` says which.
  'already_taken',
  'forbidden',
  // Somebody else was quicker, or has what is asked for.
  'conflict',
  'not_found',
  'model_not_found',
  'payload_too_large',
  'unsupported_media_type',
  'rate_limited',
  // A user has as many of something as one may have.
  'quota_exceeded',
  // What may be spent this month is spent, or what is on its way may spend it.
  'budget_exceeded',
  'overloaded',
  // Switched off by an administrator.
  'maintenance',
  'provider_failed',
  'provider_timeout',
  'cancelled',
  // The answer was cut off, by a crash or a restart, before anything was said.
  'interrupted',
  'storage_failed',
  // The database cannot be reached at present; what was asked for was not done, or nobody knows whether it was.
  'storage_unavailable',
  'internal',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorOptions {
  /** The request field at fault, as a dotted path such as `messages.0.content`. */
  field?: string;
  /** What is wrong, with the field where there is one, for those who say it in another language. */
  issue?: Issue;
  /** Whether `message` is an administrator's or a vendor's own words: they are said as they are, whatever the language. */
  verbatim?: boolean;
  /** Facts for the client, such as who has what is asked for; their names are as clients read them. */
  facts?: Record<string, unknown>;
  /** Whether the same call may succeed when simply repeated. */
  retryable?: boolean;
  /** How long the caller should wait before repeating, in milliseconds. */
  retryAfterMs?: number;
  /** The HTTP status of a vendor's refusal. */
  vendorStatus?: number | undefined;
  /** Facts for the operator's log; never sent to clients. */
  internal?: Record<string, unknown>;
  cause?: unknown;
}

/** An expected failure. `message` is public: it is sent to clients, so it names no secret and no internals. */
export class ParleyError extends Error {
  override readonly name = 'ParleyError';
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly issue: Issue | undefined;
  readonly verbatim: boolean;
  readonly facts: Record<string, unknown> | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly vendorStatus: number | undefined;
  readonly internal: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field;
    this.issue = options.issue;
    this.verbatim = options.verbatim ?? false;
    this.facts = options.facts;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.vendorStatus = options.vendorStatus;
    this.internal = options.internal;
  }
}

/** The refusal of a request for one of its fields. */
export function invalidField(field: string, issue: Issue): ParleyError {
  return new ParleyError('invalid_request', `${field}: ${inEnglish(issue)}`, { field, issue });
}

/** The refusal of what does not go with how things are. */
export function conflict(issue: Issue, facts?: Record<string, unknown>): ParleyError {
  return new ParleyError('conflict', inEnglish(issue), { issue, ...(facts && { facts }) });
}

/** Any thrown value as a `ParleyError`; what nobody expected becomes `internal` with a text that tells nothing. */
export function asParleyError(thrown: unknown): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  const failure = storageFailureOf(thrown)?.code;
  const soon = { retryable: true, retryAfterMs: 1000, cause: thrown };
  if (failure === 'overloaded') {
    const text = 'Too much is waiting to be stored at this moment. Try again in a second.';
    return new ParleyError('overloaded', text, soon);
  }
  if (failure === 'unavailable') {
    const text =
      'The database cannot be reached at this moment. Try again in a moment, with the same Idempotency-Key.';
    return new ParleyError('storage_unavailable', text, soon);
  }
  return new ParleyError('internal', 'Something went wrong on our side. The request id helps us find it.', {
    cause: thrown,
  });
}
