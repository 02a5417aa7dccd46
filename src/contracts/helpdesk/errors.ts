import type { FastifyRequest } from 'fastify';
import type { ErrorCode, ParleyError } from '../../core/errors.ts';
import { inEnglish, type Issue } from '../../core/issue.ts';
import { prefersEnglish } from '../../http/accept-language.ts';
import { inChinese } from '../../http/chinese-issues.ts';
import type { ErrorShape } from '../../http/error-answer.ts';

interface HelpdeskError {
  status: number;
  code: string;
  /** What is shown unless English is preferred. */
  chinese: string;
}

/** helpdesk.md, "常见错误码". */
const errors = {
  invalid_request: { status: 400, code: 'VALIDATION_ERROR', chinese: '请求参数验证失败' },
  unauthorized: { status: 401, code: 'UNAUTHORIZED', chinese: '未认证，请先登录' },
  wrong_credentials: { status: 401, code: 'UNAUTHORIZED', chinese: '用户名或密码错误' },
  token_expired: { status: 401, code: 'UNAUTHORIZED', chinese: '令牌已过期，请重新登录' },
  token_invalid: { status: 401, code: 'UNAUTHORIZED', chinese: '令牌无效，请重新登录' },
  account_disabled: { status: 403, code: 'FORBIDDEN', chinese: '账户已被禁用' },
  forbidden: { status: 403, code: 'FORBIDDEN', chinese: '权限不足' },
  already_taken: { status: 400, code: 'VALIDATION_ERROR', chinese: '请求参数验证失败' },
  conflict: { status: 409, code: 'CONFLICT', chinese: '操作冲突，请刷新后重试' },
  not_found: { status: 404, code: 'NOT_FOUND', chinese: '资源不存在' },
  model_not_found: { status: 400, code: 'VALIDATION_ERROR', chinese: '模型不存在' },
  payload_too_large: { status: 413, code: 'VALIDATION_ERROR', chinese: '请求内容过大' },
  unsupported_media_type: {
    status: 415,
    code: 'VALIDATION_ERROR',
    chinese: '请以 application/json 发送请求',
  },
  rate_limited: { status: 429, code: 'RATE_LIMIT_EXCEEDED', chinese: '请求过于频繁，请稍后再试' },
  quota_exceeded: { status: 403, code: 'FORBIDDEN', chinese: '已达到数量上限' },
  budget_exceeded: { status: 429, code: 'RATE_LIMIT_EXCEEDED', chinese: '本月预算已用完' },
  overloaded: { status: 503, code: 'AI_SERVICE_ERROR', chinese: '服务繁忙，请稍后再试' },
  maintenance: { status: 503, code: 'AI_SERVICE_ERROR', chinese: '系统维护中，请稍后再试' },
  provider_failed: { status: 500, code: 'AI_SERVICE_ERROR', chinese: 'AI服务调用失败' },
  provider_timeout: { status: 500, code: 'AI_SERVICE_ERROR', chinese: 'AI服务响应超时' },
  cancelled: { status: 499, code: 'VALIDATION_ERROR', chinese: '请求已取消' },
  interrupted: { status: 500, code: 'AI_SERVICE_ERROR', chinese: '回答因服务重启而中断，请重试' },
  storage_failed: { status: 500, code: 'DATABASE_ERROR', chinese: '数据库操作失败' },
  storage_unavailable: { status: 503, code: 'DATABASE_ERROR', chinese: '数据库暂时不可用，请稍后再试' },
  internal: { status: 500, code: 'DATABASE_ERROR', chinese: '服务器内部错误' },
} satisfies Record<ErrorCode, HelpdeskError>;

/** helpdesk.md, "错误响应格式", in the language that the request prefers. */
export function errorShapeFor(request: FastifyRequest): ErrorShape {
  const english = prefersEnglish(request.headers['accept-language']);
  return {
    statusOf: (code) => errors[code].status,
    present: (error) => presentError(error, english),
  };
}

/** The same where what may not be found is a session. */
export function sessionErrorShapeFor(request: FastifyRequest): ErrorShape {
  const english = prefersEnglish(request.headers['accept-language']);
  return {
    statusOf: (code) => errors[code].status,
    present: (error) =>
      presentError(error, english, error.code === 'not_found' ? noSession : errors[error.code]),
  };
}

/** What a socket's frame says of an error; what may not be found is a session. */
export function socketErrorOf(error: ParleyError, english: boolean) {
  return presentError(error, english, error.code === 'not_found' ? noSession : errors[error.code]).error;
}

/** helpdesk.md, "WebSocket 错误": a frame that cannot be understood. `details` is a text. */
export function malformedErrorOf({ field = 'frame', issue, message }: ParleyError, english: boolean) {
  return {
    code: 'INVALID_MESSAGE_FORMAT',
    message: english ? 'The frame is not formed as it must be.' : '消息格式不正确',
    details: english ? englishDetails(field, issue, message) : chineseDetails(field, issue),
  };
}

function englishDetails(field: string, issue: Issue | undefined, message: string): string {
  if (issue === undefined) return message;
  return issue.kind === 'required' ? `Missing required field: ${field}` : `${field}: ${inEnglish(issue)}`;
}

function chineseDetails(field: string, issue: Issue | undefined): string {
  if (issue === undefined) return '消息必须是 JSON 对象';
  return issue.kind === 'required' ? `缺少必需字段: ${field}` : `${field}: ${inChinese(issue, field)}`;
}

const noSession: HelpdeskError = { status: 404, code: 'SESSION_NOT_FOUND', chinese: '会话不存在' };

function presentError(error: ParleyError, english: boolean, known: HelpdeskError = errors[error.code]) {
  const { issue, field, verbatim } = error;
  // What is of no field has words of its own.
  const chinese = issue !== undefined && field === undefined ? inChinese(issue) : known.chinese;
  const message = english || verbatim ? error.message : chinese;
  return { success: false, error: { code: known.code, message, details: detailsOf(error, english, known) } };
}

/** What is wrong with which field, always where a request does not validate; else facts, if there are any. */
function detailsOf(error: ParleyError, english: boolean, { code, chinese }: HelpdeskError): object | null {
  const { issue, facts, message } = error;
  const field = error.field ?? (code === 'VALIDATION_ERROR' ? partOf(error) : undefined);
  if (field === undefined) return facts ?? null;
  const inWords = { field, issue: english ? message.replace(`${field}: `, '') : chinese };
  if (issue !== undefined) inWords.issue = english ? inEnglish(issue) : inChinese(issue, field);
  else if (!english && error.code === 'invalid_request')
    inWords.issue = inChinese({ kind: 'invalid' }, field);
  return { ...inWords, ...facts };
}

/** The part of a request that is at fault where no field is. */
function partOf({ code }: ParleyError): string {
  return code === 'unsupported_media_type' ? 'Content-Type' : 'body';
}
