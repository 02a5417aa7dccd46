import type { Books } from './books.ts';
import { imagesOf } from './questions.ts';

/** Every image that came within a message is stored once, with a message that there is, and none is left of those that were removed. */
export function checkMedia({ messages, media }: Books): string[] {
  const ids = new Set(messages.map(({ id }) => id));
  const orphans = media.filter(({ message_id: message }) => !ids.has(message));
  return [
    ...orphans.map(
      ({ id, message_id: message }) => `medium ${id} is of message ${message}, which there is not`,
    ),
    ...messages.flatMap(({ id, role, content, parts }) => {
      const sent = role === 'user' ? imagesOf(content) : [];
      const within = sent.filter((url) => url.startsWith('data:'));
      const held = media.filter(({ message_id: message }) => message === id);
      const isHeld =
        held.length === within.length &&
        held.every(({ url, bytes }, at) => url === within[at] && bytes === bytesOf(url));
      return [
        ...(isHeld ? [] : [`the media of message ${id} are not what was sent`]),
        ...((parts === null) === (sent.length === 0)
          ? []
          : [`message ${id} does not consist of what was sent`]),
      ];
    }),
  ];
}

function bytesOf(url: string): number {
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64').length;
}
