import { asParleyError } from '../errors.ts';
import type { Model } from './catalogue.ts';
import type { Preparation } from './completions.ts';
import { textOfPart } from './media.ts';
import type { Message, Part } from './messages.ts';
import type { ModelRequest } from './provider.ts';

/** How vendors refuse a request for what it holds. */
const refusals: readonly (number | undefined)[] = [400, 413, 415, 422];

/**
 * Lets a provider be asked with all that the model can see. Where it refuses what was shown earlier in a conversation, such as an image whose
 * address has expired, it is asked once more with words in its place: else nothing could be asked there any more.
 */
export function showTo<T>(
  { request, isConversation }: Pick<Preparation, 'request' | 'isConversation'>,
  model: Model,
  ask: (request: ModelRequest) => Promise<T>,
): Promise<T> {
  const asked = { ...request, model: model.id, messages: visibleTo(model, request.messages) };
  return isConversation ? orWithWords(asked, ask) : ask(asked);
}

async function orWithWords<T>(asked: ModelRequest, ask: (request: ModelRequest) => Promise<T>): Promise<T> {
  try {
    return await ask(asked);
  } catch (thrown) {
    const { code, vendorStatus } = asParleyError(thrown);
    const isRefused =
      code === 'invalid_request' || (code === 'provider_failed' && refusals.includes(vendorStatus));
    const messages = isRefused
      ? inWords(asked.messages, isMedium, asked.messages.length - 1)
      : asked.messages;
    if (messages === asked.messages) throw thrown;
    return ask({ ...asked, messages });
  }
}

/** The messages with text in the place of the images and videos that the model cannot see; the same list where there are none. */
export function visibleTo({ capabilities }: Pick<Model, 'capabilities'>, messages: Message[]): Message[] {
  const isHidden = ({ type }: Part) =>
    (type === 'image' && !capabilities.includes('vision')) ||
    (type === 'video' && !capabilities.includes('video'));
  return inWords(messages, isHidden);
}

function isMedium({ type }: Part): boolean {
  return type === 'image' || type === 'video';
}

/** The first `count` messages with text in the place of such parts, the others as they are; the same list where nothing changes. */
function inWords(messages: Message[], isHidden: (part: Part) => boolean, count = messages.length): Message[] {
  const hides = ({ content }: Message, index: number) =>
    index < count && typeof content === 'object' && content?.some(isHidden) === true;
  if (!messages.some(hides)) return messages;
  const shown = (part: Part): Part =>
    part.type !== 'other' && isHidden(part) ? { type: 'text', text: textOfPart(part) } : part;
  return messages.map((message, index) =>
    hides(message, index) && Array.isArray(message.content)
      ? { ...message, content: message.content.map(shown) }
      : message,
  );
}
