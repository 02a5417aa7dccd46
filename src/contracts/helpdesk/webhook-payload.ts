import type { WebhookEvent } from '../../core/webhooks/event.ts';
import { presentSubject } from './present-conversation.ts';
import { presentMessage } from './present.ts';

/** An event as receivers of webhooks read it: `{id, type, created_at, data}`, with what there is in `data` as this contract shows it elsewhere. */
export function presentWebhookEvent(event: WebhookEvent) {
  const { id, type, at } = event;
  return { id, type, created_at: new Date(at).toISOString(), data: dataOf(event) };
}

function dataOf(event: WebhookEvent) {
  if (event.type === 'ping') return {};
  const { conversation } = event;
  // As it is when the message is made.
  const about = { conversation: presentSubject(conversation) };
  switch (event.type) {
    case 'conversation.created':
      return about;
    case 'message.created': {
      const { message, sender } = event;
      const names = new Map(sender === null ? [] : [[sender.id, sender.name]]);
      return { ...about, message: presentMessage(conversation, message, names) };
    }
    case 'conversation.status_changed':
    case 'conversation.assigned': {
      const { status, agentType, assigneeId, assigneeName, cause, actorId, reason } = event.change;
      return {
        ...about,
        change: {
          status,
          agent_type: agentType,
          assignee: assigneeId === null ? null : { id: assigneeId, name: assigneeName ?? '' },
          cause,
          actor_id: actorId,
          reason,
        },
      };
    }
    case 'conversation.rated':
      return { ...about, rating: { score: event.score, comment: event.comment } };
    case 'note.created': {
      const { id, authorId, authorName, content, createdAt } = event.note;
      const author = { id: authorId, name: authorName };
      return { ...about, note: { id, author, content, created_at: new Date(createdAt).toISOString() } };
    }
  }
}
