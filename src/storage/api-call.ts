import type { ApiCallsTable, CallOutcome, UsageDailyTable } from './schema.ts';

/** One model call as it is recorded. */
export interface NewApiCall {
  /** When it began, milliseconds since the epoch. */
  at: number;
  /** The day it counts for, `YYYY-MM-DD` in the configured time zone. */
  day: string;
  contract: string;
  /** The route's template, such as `/api/v1/chat/completion`. */
  endpoint: string;
  owner: string;
  userId: number | null;
  apiKeyId: number | null;
  conversationId: number | null;
  messageId: number | null;
  requestedModel: string;
  /** The model that really answered. */
  model: string;
  provider: string;
  outcome: CallOutcome;
  statusCode: number;
  errorCode: string | null;
  promptTokens: number;
  completionTokens: number;
  cachedPromptTokens: number;
  /** True where the tokens are our estimate. */
  estimated: boolean;
  /** 10⁻⁹ of the currency's unit; a whole number. */
  costNano: number;
  currency: string;
  /** Whole milliseconds. */
  durationMs: number;
  firstTokenMs: number | null;
  attempts: number;
  streamed: boolean;
  clientIp: string;
  requestId: string;
  /** What was set aside for it: ends in the unit that stores the row, which does not keep the id. */
  reservationId?: number | null | undefined;
}

/** A recorded call. */
export interface ApiCall extends Omit<NewApiCall, 'reservationId'> {
  id: number;
}

/** What a select of `apiCallColumns` returns. */
export type ApiCallRow = Omit<ApiCall, 'estimated' | 'streamed'> & { estimated: number; streamed: number };

/** The call of a row. */
export function apiCallOf(row: ApiCallRow): ApiCall {
  return { ...row, estimated: row.estimated === 1, streamed: row.streamed === 1 };
}

/** Columns of `api_calls` under the names that callers see. */
export const apiCallColumns = [
  'id',
  'at',
  'day',
  'contract',
  'endpoint',
  'owner',
  'user_id as userId',
  'api_key_id as apiKeyId',
  'conversation_id as conversationId',
  'message_id as messageId',
  'requested_model as requestedModel',
  'model',
  'provider',
  'outcome',
  'status_code as statusCode',
  'error_code as errorCode',
  'prompt_tokens as promptTokens',
  'completion_tokens as completionTokens',
  'cached_prompt_tokens as cachedPromptTokens',
  'estimated',
  'cost_nano as costNano',
  'currency',
  'duration_ms as durationMs',
  'first_token_ms as firstTokenMs',
  'attempts',
  'streamed',
  'client_ip as clientIp',
  'request_id as requestId',
] as const;

/** The row of `api_calls`; its keys are always in the same order. Fractions of milliseconds and nanos are rounded. */
export function apiCallRow(call: NewApiCall): Omit<ApiCallsTable, 'id'> {
  return {
    at: call.at,
    day: call.day,
    contract: call.contract,
    endpoint: call.endpoint,
    owner: call.owner,
    user_id: call.userId,
    api_key_id: call.apiKeyId,
    conversation_id: call.conversationId,
    message_id: call.messageId,
    requested_model: call.requestedModel,
    model: call.model,
    provider: call.provider,
    outcome: call.outcome,
    status_code: call.statusCode,
    error_code: call.errorCode,
    prompt_tokens: call.promptTokens,
    completion_tokens: call.completionTokens,
    cached_prompt_tokens: call.cachedPromptTokens,
    estimated: call.estimated ? 1 : 0,
    cost_nano: Math.round(call.costNano),
    currency: call.currency,
    duration_ms: Math.round(call.durationMs),
    first_token_ms: call.firstTokenMs === null ? null : Math.round(call.firstTokenMs),
    attempts: call.attempts,
    streamed: call.streamed ? 1 : 0,
    client_ip: call.clientIp,
    request_id: call.requestId,
  };
}

/** The call's share of `usage_daily`; its keys are always in the same order. */
export function usageRow(call: NewApiCall): UsageDailyTable {
  return {
    day: call.day,
    contract: call.contract,
    owner: call.owner,
    user_id: call.userId ?? 0,
    api_key_id: call.apiKeyId ?? 0,
    model: call.model,
    outcome: call.outcome,
    currency: call.currency,
    calls: 1,
    prompt_tokens: call.promptTokens,
    completion_tokens: call.completionTokens,
    cost_nano: Math.round(call.costNano),
    duration_ms: Math.round(call.durationMs),
  };
}

/** A call that is never stored, to compile statements with. */
export const sampleCall: NewApiCall = {
  at: 0,
  day: '2026-01-01',
  contract: '',
  endpoint: '',
  owner: '',
  userId: null,
  apiKeyId: null,
  conversationId: null,
  messageId: null,
  requestedModel: '',
  model: '',
  provider: '',
  outcome: 'success',
  statusCode: 0,
  errorCode: null,
  promptTokens: 0,
  completionTokens: 0,
  cachedPromptTokens: 0,
  estimated: false,
  costNano: 0,
  currency: '',
  durationMs: 0,
  firstTokenMs: null,
  attempts: 0,
  streamed: false,
  clientIp: '',
  requestId: '',
};
