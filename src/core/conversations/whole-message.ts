import type { Message, MessagePart, Messages } from '../../storage/messages.ts';
import type { ContentPart } from '../completions/messages.ts';

/** A message with all that it consists of. */
export type WholeMessage = Omit<Message, 'parts'> & {
  /** Null where it is one text, its content. */
  parts: ContentPart[] | null;
};

/** Messages with the images and videos that came within them. */
export async function withMedia(
  messages: Pick<Messages, 'mediaOf'>,
  rows: readonly Message[],
): Promise<WholeMessage[]> {
  const parts = rows.flatMap((row) => row.parts ?? []);
  const ids = parts.flatMap((part) => ('mediaId' in part ? part.mediaId : []));
  const urls = ids.length === 0 ? new Map<number, string>() : await messages.mediaOf(ids);
  return rows.map((row) => ({ ...row, parts: row.parts?.flatMap((part) => whole(part, urls)) ?? null }));
}

/** Bytes of images and videos that are read at once, at most; one message that has more comes by itself. */
const portionBytes = 16 * 1024 * 1024;

/** The messages in their order, in portions whose images and videos may be read at once. */
export function inPortions(messages: readonly Message[]): Message[][] {
  const portions: Message[][] = [];
  let left = 0;
  for (const message of messages) {
    const bytes = mediaBytes(message);
    if (portions.length === 0 || bytes > left) {
      portions.push([]);
      left = portionBytes;
    }
    portions.at(-1)?.push(message);
    left -= bytes;
  }
  return portions;
}

function mediaBytes({ parts }: Message): number {
  return (parts ?? []).reduce((sum, part) => sum + ('bytes' in part ? part.bytes : 0), 0);
}

/** Nothing where it was removed meanwhile. */
function whole(part: MessagePart, urls: ReadonlyMap<number, string>): ContentPart | [] {
  if (!('mediaId' in part)) return part;
  const url = urls.get(part.mediaId);
  return url === undefined ? [] : { type: part.type, url };
}
