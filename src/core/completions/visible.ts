import type { Model } from './catalogue.ts';
import { textOfPart } from './media.ts';
import type { Message, Part } from './messages.ts';

/** The messages with text in the place of the images and videos that the model cannot see; the same list where there are none. */
export function visibleTo({ capabilities }: Pick<Model, 'capabilities'>, messages: Message[]): Message[] {
  const isHidden = ({ type }: Part) =>
    (type === 'image' && !capabilities.includes('vision')) ||
    (type === 'video' && !capabilities.includes('video'));
  if (!messages.some(({ content }) => typeof content === 'object' && content?.some(isHidden) === true)) {
    return messages;
  }
  const shown = (part: Part): Part =>
    part.type !== 'other' && isHidden(part) ? { type: 'text', text: textOfPart(part) } : part;
  return messages.map((message) =>
    Array.isArray(message.content) ? { ...message, content: message.content.map(shown) } : message,
  );
}
