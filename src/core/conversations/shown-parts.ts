import type { MessagePart } from '../../storage/messages.ts';
import type { Message } from './conversations.ts';

/** A part of a message, of what came within the message itself only how large it is. */
export type ShownPart =
  | { type: 'text'; text: string }
  | { type: 'image' | 'video'; url: string }
  | { type: 'image' | 'video'; bytes: number };

/** What a message consists of, for lists and frames, which carry no media; undefined where it is one text, its content. */
export function shownParts({ parts }: Pick<Message, 'parts'>): ShownPart[] | undefined {
  return parts?.map(shown);
}

function shown(part: MessagePart): ShownPart {
  return 'mediaId' in part ? { type: part.type, bytes: part.bytes } : part;
}
