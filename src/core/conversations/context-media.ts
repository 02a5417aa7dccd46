import type { MessagePart, Messages } from '../../storage/messages.ts';
import type { ImageType, Model } from '../completions/catalogue.ts';
import { tokensOfMedium } from '../completions/estimate.ts';
import { encodedBytes, isData, textOfPart } from '../completions/media.ts';
import type { ContentPart, Message, MessageRole } from '../completions/messages.ts';
import { invalidField } from '../errors.ts';
import type { Issue } from '../issue.ts';

/** What a message consists of, whether it is stored or not yet. */
export type AnyPart = ContentPart | MessagePart;

type Medium = Exclude<AnyPart, { type: 'text' }>;
type MediumType = Medium['type'];

/** A message of a context in which stored media are named only, so that those that the model does not see need not be read. */
export interface ContextMessage {
  role: MessageRole;
  content: string | AnyPart[];
}

/** What decides about the images and videos that a model is given. */
export type Seeing = Pick<Model, 'id' | 'capabilities' | 'media'>;

/** What a model can still take in. */
export interface MediaRoom {
  /** Takes the media of a new message, newest first; throws `invalid_request` where the model cannot, naming the part. Resolves to their tokens. */
  require(parts: readonly AnyPart[]): number;
  /**
   * What the model sees of an older message: its parts, with text in the place of media that it cannot see or that are too many, too large, or
   * more than `room` tokens. Once one of a kind is left out for want of room, all older ones of that kind are.
   */
  show(parts: readonly AnyPart[], room: number): { parts: AnyPart[]; tokens: number };
}

/** Of a model that does not say how much it takes: so much is sent at once. */
const commonMaxBytes = 24 * 1024 * 1024;

/** Without a model nothing is seen. */
export function createMediaRoom(model: Seeing | undefined): MediaRoom {
  const limits = model?.media ?? {};
  const left = {
    image: limits.maxImages ?? Number.POSITIVE_INFINITY,
    video: limits.maxVideos ?? Number.POSITIVE_INFINITY,
    bytes: limits.maxBytes ?? commonMaxBytes,
  };
  const take = (medium: Medium): void => {
    left[medium.type] -= 1;
    left.bytes -= bytesOf(medium);
  };

  return {
    require(parts) {
      let tokens = 0;
      for (const [index, part] of parts.entries()) {
        if (part.type === 'text') continue;
        const issue = issueOf(part, model) ?? tooMuch(part, model, left);
        if (issue !== null) throw invalidField(`content.${index}`, issue);
        take(part);
        tokens += tokensOfMedium(part.type, limits);
      }
      return tokens;
    },
    show(parts, room) {
      let tokens = 0;
      const shown = parts.toReversed().map((part): AnyPart => {
        if (part.type === 'text') return part;
        if (issueOf(part, model) !== null) return textInstead(part);
        const cost = tokensOfMedium(part.type, limits);
        if (left[part.type] < 1 || bytesOf(part) > left.bytes || tokens + cost > room) {
          left[part.type] = 0;
          return textInstead(part);
        }
        take(part);
        tokens += cost;
        return part;
      });
      return { parts: shown.reverse(), tokens };
    },
  };
}

function textInstead(part: Medium): AnyPart {
  return { type: 'text', text: textOfPart(part) };
}

/** What makes a medium one that the model cannot take even alone. */
function issueOf(part: Medium, model: Seeing | undefined): Issue | null {
  const { type } = part;
  const capability = type === 'image' ? 'vision' : 'video';
  const { id = '', capabilities = [], media: limits = {} } = model ?? {};
  if (!capabilities.includes(capability)) return { kind: 'no_capability', model: id, part: type };
  const max = type === 'image' ? limits.maxImageBytes : limits.maxVideoBytes;
  if (max !== undefined && bytesOf(part) > max) return { kind: 'media_bytes', model: id, max };
  return 'url' in part && !isOfType(part, limits.imageTypes)
    ? { kind: 'media_type', types: (limits.imageTypes ?? []).map((name) => `image/${name}`) }
    : null;
}

/** What makes a medium one that the model cannot take beside those before it. */
function tooMuch(
  part: Medium,
  model: Seeing | undefined,
  left: Record<MediumType | 'bytes', number>,
): Issue | null {
  const { id = '', media: limits = {} } = model ?? {};
  const max = (part.type === 'image' ? limits.maxImages : limits.maxVideos) ?? 0;
  if (left[part.type] < 1) return { kind: 'media_count', model: id, part: part.type, max };
  // A provider that says nothing is left to judge for itself.
  if (limits.maxBytes === undefined || bytesOf(part) <= left.bytes) return null;
  return { kind: 'media_bytes', model: id, max: limits.maxBytes };
}

/** In base64, as it is sent; nothing for what is somewhere else. */
function bytesOf(part: Medium): number {
  if ('mediaId' in part) return encodedBytes(part.bytes);
  return isData(part.url) ? part.url.length - (part.url.indexOf(',') + 1) : 0;
}

function isOfType(
  { type, url }: { type: MediumType; url: string },
  types: readonly ImageType[] | undefined,
): boolean {
  if (types === undefined || type !== 'image' || !isData(url)) return true;
  const named = /^data:image\/([a-z]+)[;,]/i.exec(url.slice(0, 100))?.[1]?.toLowerCase();
  return types.some((name) => name === named);
}

/**
 * The messages as a provider takes them, with the stored media that the model sees. One that was removed meanwhile, or whose
 * format the model does not take, becomes text.
 */
export async function withMedia(
  messages: readonly ContextMessage[],
  model: Seeing | undefined,
  store: Pick<Messages, 'mediaOf'>,
): Promise<Message[]> {
  const ids = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : idsOf(content)));
  const urls = ids.length === 0 ? new Map<number, string>() : await store.mediaOf(ids);
  const filled = (part: AnyPart): ContentPart => {
    if (!('mediaId' in part)) return part;
    const url = urls.get(part.mediaId);
    const { type } = part;
    const isSeen = url !== undefined && isOfType({ type, url }, model?.media.imageTypes);
    return isSeen ? { type, url } : { type: 'text', text: textOfPart(part) };
  };
  return messages.map(({ role, content }) => {
    return { role, content: typeof content === 'string' ? content : content.map(filled) };
  });
}

/**
 * Lets go of what came within the messages, which is many megabytes. To be called once nobody is asked with them any more: estimates of what
 * they cost need to know only what there was.
 */
export function releaseMedia(messages: readonly Message[]): void {
  for (const { content } of messages) {
    if (!Array.isArray(content)) continue;
    for (const part of content) {
      if ((part.type === 'image' || part.type === 'video') && isData(part.url)) part.url = 'data:,';
    }
  }
}

function idsOf(parts: readonly AnyPart[]): number[] {
  return parts.flatMap((part) => ('mediaId' in part ? part.mediaId : []));
}
