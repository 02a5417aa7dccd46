import type { FastifyRequest } from 'fastify';
import { prefersEnglish } from '../../http/accept-language.ts';
import type { Page } from './schemas/conversations.ts';

/** What answers say that went as wanted: studio.md's own words, and the same in English. */
const texts = {
  registered: ['注册成功', 'Registered'],
  loggedIn: ['登录成功', 'Logged in'],
  loggedOut: ['登出成功', 'Logged out'],
  refreshed: ['Token刷新成功', 'Token refreshed'],
  found: ['获取成功', 'Found'],
  created: ['创建成功', 'Created'],
  updated: ['更新成功', 'Updated'],
  deleted: ['删除成功', 'Deleted'],
  sent: ['发送成功', 'Sent'],
  stopped: ['停止成功', 'Stopped'],
  completed: ['请求成功', 'Completed'],
} as const;

type Outcome = keyof typeof texts;

/** Whether the client wants English words instead of Chinese. */
export function isEnglish({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return prefersEnglish(headers['accept-language']);
}

/** The answer to a request that went as wanted. */
export function answerWith<T>(request: Pick<FastifyRequest, 'headers'>, outcome: Outcome, data: T) {
  const [chinese, english] = texts[outcome];
  return { code: 200, message: isEnglish(request) ? english : chinese, data };
}

/** studio.md, `pagination`. */
export function paginationOf({ page, limit }: Page, total: number) {
  return {
    current_page: page,
    per_page: limit,
    total,
    total_pages: Math.ceil(total / limit),
  };
}

/** The same page as core counts. */
export function pageOf({ page, limit }: Page) {
  return { skip: (page - 1) * limit, limit };
}
