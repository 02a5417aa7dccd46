import type { MessagePart } from '../../storage/messages.ts';
import { invalidField } from '../errors.ts';
import type { ContentPart } from './messages.ts';

/** Of one image or video that comes in a `data:` URL, decoded. */
export const mostMediaBytes = 10 * 1024 * 1024;

/**
 * Refuses content that no message may have, with `invalid_request` and the field in the spelling of OpenAI's wire format
 * (`content.0.image_url.url`). Nothing is fetched.
 */
export function checkContent(parts: readonly ContentPart[], field = 'content'): void {
  if (parts.length === 0) throw invalidField(field, { kind: 'count', min: 1 });
}

/** The text of a message's parts; what is none is named in brackets. */
export function plainText(parts: readonly (ContentPart | MessagePart)[]): string {
  return parts.map(textOfPart).join('\n');
}

/** A part as text: `[image: https://…]`, `[image]` where the image came with the message itself. */
export function textOfPart(part: ContentPart | MessagePart): string {
  if (part.type === 'text') return part.text;
  const isElsewhere = 'url' in part && !/^data:/i.test(part.url);
  return isElsewhere ? `[${part.type}: ${part.url}]` : `[${part.type}]`;
}
