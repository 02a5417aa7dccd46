import type { MessagePart } from '../../storage/messages.ts';
import { invalidField } from '../errors.ts';
import { mediaTypeOf, typesOf } from './media-types.ts';
import type { ContentPart } from './messages.ts';

/** Of one image or video that comes in a `data:` URL, decoded. */
export const mostMediaBytes = 10 * 1024 * 1024;
const mostUrlCharacters = 8192;

/**
 * Refuses content that no message may have, with `invalid_request` and the field in the spelling of OpenAI's wire format
 * (`content.0.image_url.url`): of no parts, a blank text, an image or video that is neither `https:` nor a `data:` URL which holds what it
 * says. Nothing is fetched.
 */
export function checkContent(parts: readonly ContentPart[], field = 'content'): void {
  if (parts.length === 0) throw invalidField(field, { kind: 'count', min: 1 });
  for (const [index, part] of parts.entries()) {
    const at = `${field}.${index}`;
    if (part.type !== 'text') checkMediaUrl(part.url, part.type, `${at}.${part.type}_url.url`);
    else if (part.text.trim() === '') throw invalidField(`${at}.text`, { kind: 'empty' });
  }
}

/** The same for one image or video. */
export function checkMediaUrl(url: string, type: 'image' | 'video', field: string): void {
  if (isData(url)) return checkData(url, type, field);
  if (!/^https:/i.test(url)) throw invalidField(field, { kind: 'media_url' });
  if (url.length > mostUrlCharacters) throw invalidField(field, { kind: 'length', max: mostUrlCharacters });
  const { username, password } = parsed(url, field);
  if (username !== '' || password !== '') throw invalidField(field, { kind: 'credentials' });
}

function parsed(url: string, field: string): URL {
  // It leaves out line breaks and tabs, writes other control characters anew and mends slashes, but the provider gets what was sent.
  const address = /^https:\/\/[^\s\p{Cc}\\/][^\s\p{Cc}\\]*$/iu.test(url) ? URL.parse(url) : null;
  if (address === null) throw invalidField(field, { kind: 'url' });
  return address;
}

const dataHead = /^data:([a-z0-9.+-]+\/[a-z0-9.+-]+)((?:;[^,;]{0,100}){0,5}),/i;

function checkData(url: string, type: 'image' | 'video', field: string): void {
  // As much as the longest head that is taken has: a pattern never walks through megabytes.
  const head = dataHead.exec(url.slice(0, 1024));
  if (head === null || !/;base64$/i.test(head[2] ?? '')) throw invalidField(field, { kind: 'base64' });
  const named = (head[1] ?? '').toLowerCase();
  const known = mediaTypeOf(named, type);
  if (known === undefined) throw invalidField(field, { kind: 'media_type', types: typesOf(type) });
  const encoded = url.slice(head[0].length);
  if (encodedBytes(mostMediaBytes) < encoded.length)
    throw invalidField(field, { kind: 'media_size', max: mostMediaBytes });
  const decoded = decode(encoded);
  if (decoded === null) throw invalidField(field, { kind: 'base64' });
  if (decoded.length > mostMediaBytes) throw invalidField(field, { kind: 'media_size', max: mostMediaBytes });
  if (!known.begins(decoded)) throw invalidField(field, { kind: 'media_content', type: named });
}

/** Null where it is not base64 to the last character, padding included. */
function decode(encoded: string): Buffer | null {
  if (encoded === '' || encoded.length % 4 !== 0) return null;
  const bytes = Buffer.from(encoded, 'base64');
  // Decoding skips what is no base64, and stops at padding in the middle: then fewer bytes come out than the length stands for.
  const padding = encoded.endsWith('==') ? 2 : encoded.endsWith('=') ? 1 : 0;
  const isWhole = bytes.length === (encoded.length / 4) * 3 - padding;
  // It takes the alphabet of URLs too, which vendors may not.
  return isWhole && !encoded.includes('-') && !encoded.includes('_') ? bytes : null;
}

/** How long so many bytes are in base64. */
export function encodedBytes(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

export function isData(url: string): boolean {
  return /^data:/i.test(url);
}

/** The text of a message's parts; what is none is named in brackets. */
export function plainText(parts: readonly (ContentPart | MessagePart)[]): string {
  return parts.map(textOfPart).join('\n');
}

/** A part as text: `[image: https://…]`, `[image]` where the image came with the message itself. */
export function textOfPart(part: ContentPart | MessagePart): string {
  if (part.type === 'text') return part.text;
  return 'url' in part && !isData(part.url) ? `[${part.type}: ${part.url}]` : `[${part.type}]`;
}
