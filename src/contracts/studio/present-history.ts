import { errorCodes, type ErrorCode } from '../../core/errors.ts';
import type { ApiCall, CallSums } from '../../core/statistics/call-history.ts';
import type { ConversationFigures, ConversationSums } from '../../core/statistics/conversation-statistics.ts';
import { statusOf } from './errors.ts';
import { timeOf } from './present.ts';

/** studio.md, "查询API调用历史". */
export function presentCall(call: ApiCall) {
  const { promptTokens, completionTokens } = call;
  return {
    id: call.id,
    user_id: call.userId,
    conversation_id: call.conversationId,
    message_id: call.messageId,
    model_name: call.model,
    api_endpoint: call.endpoint,
    status_code: shownStatus(call),
    request_tokens: promptTokens,
    response_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    call_duration: call.durationMs,
    client_ip: call.clientIp,
    created_at: timeOf(call.at),
    requested_model: call.requestedModel,
    provider: call.provider,
    cached_request_tokens: call.cachedPromptTokens,
    estimated: call.estimated,
    cost: unitsOf(call.costNano),
    currency: call.currency,
    outcome: call.outcome,
    error_code: call.errorCode,
    contract: call.contract,
    streamed: call.streamed,
    first_token_duration: call.firstTokenMs,
    attempts: call.attempts,
    request_id: call.requestId,
  };
}

/** Of this contract's own calls what their clients were answered, which core does not know. */
function shownStatus({ contract, errorCode, statusCode }: ApiCall): number {
  return contract === 'studio' && isErrorCode(errorCode) ? statusOf(errorCode) : statusCode;
}

function isErrorCode(code: string | null): code is ErrorCode {
  return errorCodes.some((known) => known === code);
}

/** What all calls that match took together. */
export function presentSums({ promptTokens, completionTokens, costs }: CallSums) {
  return {
    request_tokens: promptTokens,
    response_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    costs: costs.map(({ currency, nano }) => ({ currency, cost: unitsOf(nano) })),
  };
}

/** studio.md, "查询对话历史统计". */
export function presentStatistics({ chats, messages, tokens, models, days }: ConversationFigures) {
  return {
    total_conversations: chats,
    total_messages: messages,
    total_tokens: tokens,
    model_statistics: models.map((row) => ({ model_name: row.model, ...presentFigures(row) })),
    daily_statistics: days.map((row) => ({ date: row.day, ...presentFigures(row) })),
  };
}

function presentFigures({ chats, messages, tokens }: ConversationSums) {
  return { conversation_count: chats, message_count: messages, token_count: tokens };
}

const nanoPerUnit = 1_000_000_000;

function unitsOf(nano: number): number {
  return nano / nanoPerUnit;
}
