import type { Conversation, ListedConversation } from '../../core/conversations/conversations.ts';
import type { Account, LoggedIn, RenewedLogin } from '../../core/identity/accounts.ts';

/** studio.md, "用户登录", `user`. */
function presentUser({ id, username, email, nickname, avatarUrl, phone, status }: Account) {
  return {
    user_id: id,
    username,
    email,
    nickname,
    avatar_url: avatarUrl,
    phone,
    status: status === 'active' ? 1 : 0,
  };
}

/** studio.md, "用户注册". */
export function presentAccount(account: Account) {
  return { ...presentUser(account), created_at: timeOf(account.createdAt) };
}

/** studio.md, "获取当前用户信息". */
export function presentOwnAccount(account: Account) {
  const { lastLoginAt } = account;
  return { ...presentAccount(account), last_login_at: lastLoginAt === null ? null : timeOf(lastLoginAt) };
}

/** studio.md, "用户登录". */
export function presentLogin(login: LoggedIn) {
  const { access_token, expires_in } = presentRenewed(login);
  const { refreshToken: refresh_token, account } = login;
  return { access_token, refresh_token, expires_in, user: presentUser(account) };
}

/** studio.md, "刷新Token". */
export function presentRenewed({ accessToken, expiresInSeconds }: RenewedLogin) {
  return { access_token: accessToken, expires_in: expiresInSeconds };
}

/** What the wire says of a conversation beside itself. */
export interface Wording {
  english: boolean;
  /** The model where none was chosen. */
  defaultModel: string;
  /** Agents by their ids. */
  names: ReadonlyMap<number, string>;
}

/** studio.md, "获取对话详情". */
export function presentConversation(
  conversation: Conversation | ListedConversation,
  { english, defaultModel, names }: Wording,
) {
  const { id, title, model, createdAt, updatedAt, messageCount, agentType, assigneeId } = conversation;
  const assignee = assigneeId === null ? null : { id: assigneeId, name: names.get(assigneeId) ?? '' };
  return {
    conversation_id: id,
    title: title === '' ? untitled(english) : title,
    model_name: model ?? defaultModel,
    status: 1,
    created_at: timeOf(createdAt),
    updated_at: timeOf(updatedAt),
    message_count: messageCount,
    ...(agentType === 'human' && { agent_type: agentType, assignee }),
  };
}

function untitled(english: boolean): string {
  return english ? 'New chat' : '新对话';
}

export function timeOf(at: number): string {
  return new Date(at).toISOString();
}
