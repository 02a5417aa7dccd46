import type { FastifyRequest } from 'fastify';
import type { ErrorCode, ParleyError } from '../../core/errors.ts';
import { inChinese } from '../../http/chinese-issues.ts';
import type { ErrorShape } from '../../http/error-answer.ts';
import { isEnglish } from './envelope.ts';

interface StudioError {
  status: number;
  /** What is shown unless English is preferred. */
  chinese: string;
}

/** studio.md, "状态码说明" of all addresses, and what its users meet besides. */
const errors = {
  invalid_request: { status: 400, chinese: '请求参数错误' },
  model_not_found: { status: 400, chinese: '模型不存在' },
  unauthorized: { status: 401, chinese: '未认证，请先登录' },
  wrong_credentials: { status: 401, chinese: '用户名或密码错误' },
  token_expired: { status: 401, chinese: '令牌已过期，请重新登录' },
  token_invalid: { status: 401, chinese: '令牌无效或已失效，请重新登录' },
  account_disabled: { status: 403, chinese: '用户账户已被禁用' },
  forbidden: { status: 403, chinese: '无权限执行该操作' },
  quota_exceeded: { status: 403, chinese: '已达到数量上限' },
  not_found: { status: 404, chinese: '资源不存在' },
  already_taken: { status: 409, chinese: '用户名或邮箱已存在' },
  conflict: { status: 409, chinese: '操作冲突，请刷新后重试' },
  payload_too_large: { status: 413, chinese: '请求内容过大' },
  unsupported_media_type: { status: 415, chinese: '请以 application/json 发送请求' },
  rate_limited: { status: 429, chinese: '请求过于频繁，请稍后再试' },
  budget_exceeded: { status: 429, chinese: '本月预算已用完' },
  cancelled: { status: 499, chinese: '请求已取消' },
  storage_failed: { status: 500, chinese: '服务器内部错误' },
  storage_unavailable: { status: 503, chinese: '数据库暂时不可用，请稍后再试' },
  internal: { status: 500, chinese: '服务器内部错误' },
  provider_failed: { status: 503, chinese: '模型服务不可用' },
  provider_timeout: { status: 503, chinese: '模型服务响应超时' },
  overloaded: { status: 503, chinese: '服务繁忙，请稍后再试' },
  maintenance: { status: 503, chinese: '系统维护中，请稍后再试' },
  interrupted: { status: 503, chinese: '回答因服务重启而中断，请重试' },
} satisfies Record<ErrorCode, StudioError>;

/** A failure in the contract's envelope, in the language that the request prefers. */
export function errorShapeFor(request: FastifyRequest): ErrorShape {
  const english = isEnglish(request);
  return {
    statusOf,
    present: (error) => ({ ...presentFault(error, english), data: null }),
  };
}

/** The HTTP status of a core code, which the envelope's `code` repeats. */
export function statusOf(code: ErrorCode): number {
  return errors[code].status;
}

/** What went wrong, where it is not the whole answer. */
export function presentFault(error: ParleyError, english: boolean) {
  const { status: code } = errors[error.code];
  return { code, message: english || error.verbatim ? error.message : inChineseWords(error) };
}

/** Fields are named as clients spell them. */
function inChineseWords({ code, field, issue }: ParleyError): string {
  const { chinese } = errors[code];
  if (issue === undefined) {
    return field === undefined || code !== 'invalid_request' ? chinese : named(field, '不正确');
  }
  return field === undefined ? inChinese(issue) : named(field, inChinese(issue));
}

const named = (field: string, text: string) => `${field} ${text}`;
