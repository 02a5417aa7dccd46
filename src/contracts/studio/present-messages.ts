import type { ContentPart } from '../../core/completions/messages.ts';
import type { Message, WholeMessage } from '../../core/conversations/conversations.ts';
import { ParleyError } from '../../core/errors.ts';
import { failureOf } from '../../core/turns/turn.ts';
import { presentFault } from './errors.ts';

/** studio.md, "获取消息历史". Answers have no user. */
export function presentMessage(message: WholeMessage, english: boolean) {
  const { id, conversationId, userId, role, content, createdAt, senderType, model, tokens, state } = message;
  const parts = message.parts ?? [{ type: 'text', text: content } as const];
  const fault = faultOf(message);
  return {
    message_id: id,
    conversation_id: conversationId,
    user_id: role === 'user' ? (userId ?? 0) : 0,
    role,
    content_type: contentTypeOf(parts),
    content: parts.map(presentPart),
    status: fault === undefined ? 1 : 0,
    created_at: new Date(createdAt).toISOString(),
    ...(senderType === 'human' && { sender_type: senderType }),
    ...(model !== null && { model_name: model }),
    tokens,
    state,
    ...(fault !== undefined && { error: presentFault(fault, english) }),
  };
}

/** An answer; what it says is one text. */
export function presentAnswer(answer: Message, english: boolean) {
  return presentMessage({ ...answer, parts: null }, english);
}

function presentPart(part: ContentPart) {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image':
      return { type: 'image_url', image_url: { url: part.url } };
    case 'video':
      return { type: 'video_url', video_url: { url: part.url } };
    default:
      return part satisfies never;
  }
}

const contentTypes = { text: 'text', image: 'image_url', video: 'video_url' } as const;

function contentTypeOf(parts: readonly ContentPart[]) {
  const [first, ...others] = new Set(parts.map(({ type }) => contentTypes[type]));
  return first === undefined || others.length > 0 ? 'mixed' : first;
}

/** Why an answer is none, or not the whole one; undefined where it is as it should be, or was cut short on purpose. */
function faultOf({ parts: _parts, ...message }: WholeMessage): ParleyError | undefined {
  const { role, state, content } = message;
  if (role === 'user') return undefined;
  const failure = failureOf({ ...message, parts: null });
  if (failure !== undefined) return failure;
  if (state === 'interrupted') return new ParleyError('interrupted', cutOffText);
  const isEmpty = state === 'completed' && content === '';
  return isEmpty ? new ParleyError('provider_failed', 'The model gave an empty answer.') : undefined;
}

const cutOffText = 'The server was stopped in the middle of the answer. What it had said is kept.';
