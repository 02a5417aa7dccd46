import { checkContent, plainText } from '../../core/completions/media.ts';
import type { ContentPart } from '../../core/completions/messages.ts';
import { invalidField } from '../../core/errors.ts';
import type { Question } from '../../core/turns/turn.ts';
import type { NewMessageBody } from './schemas/messages.ts';

type WirePart = NewMessageBody['content'][number];

/** Characters of a message's texts and addresses together, at most. */
const mostWords = 1_000_000;

/** What a message consists of, in core's words. Throws `invalid_request`, which names the part at fault. */
export function partsOf({ content }: NewMessageBody): ContentPart[] {
  const parts = content.map((part, index) => partOf(part, `content.${index}`));
  checkContent(parts);
  if (plainText(parts).length > mostWords) {
    throw invalidField('content', { kind: 'length', min: 1, max: mostWords });
  }
  return parts;
}

function partOf(part: WirePart, path: string): ContentPart {
  const { type, text, image_url: image, video_url: video } = part;
  switch (type) {
    case 'text':
      return { type: 'text', text: required(text, `${path}.text`).toWellFormed() };
    case 'image_url':
      return { type: 'image', url: required(image, `${path}.image_url`).url.toWellFormed() };
    case 'video_url':
      return { type: 'video', url: required(video, `${path}.video_url`).url.toWellFormed() };
    default:
      return type satisfies never;
  }
}

function required<T>(value: T | null | undefined, field: string): T {
  if (value === undefined || value === null) throw invalidField(field, { kind: 'required' });
  return value;
}

/** A question of this contract: its answer is made also where nobody waits, and again where a crash cuts it off. */
export function questionOf(
  conversationId: number,
  parts: ContentPart[],
  from: Pick<Question, 'endpoint' | 'requestId' | 'idempotency'>,
): Question {
  const isOneText = parts.length === 1 && parts[0]?.type === 'text';
  return {
    contract: 'studio',
    ...from,
    place: { kind: 'existing', id: conversationId },
    text: plainText(parts),
    parts: isOneText ? undefined : parts,
    background: true,
  };
}
