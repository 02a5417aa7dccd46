import { StringDecoder } from 'node:string_decoder';
import { createParser } from 'eventsource-parser';
import type { EventSourceMessage } from 'eventsource-parser';
import { malformedError } from './vendor-errors.ts';
import type { Vendor, VendorStream } from './vendor-exchange.ts';

const maxEventLength = 16 * 1024 * 1024;

/**
 * The server-sent events of a stream, in groups as they arrived: one group per piece of the body saves a turn of
 * the promise queue per event. Ends with the event that `isLast` recognises, or with the body.
 */
export async function* readEvents(
  vendor: Vendor,
  stream: VendorStream,
  isLast: (event: EventSourceMessage) => boolean,
): AsyncGenerator<EventSourceMessage[], void, undefined> {
  let group: EventSourceMessage[] = [];
  let last = false;
  let overflow = false;
  const decoder = new StringDecoder('utf8');
  const parser = createParser({
    maxBufferSize: maxEventLength,
    onEvent(event) {
      if (last) return;
      group.push(event);
      last = isLast(event);
    },
    onError(error) {
      // Everything else that the parser reports are fields it does not know, which the standard says to ignore.
      overflow ||= error.type === 'max-buffer-size-exceeded';
    },
  });
  for await (const chunk of stream.read()) {
    parser.feed(decoder.write(chunk));
    if (overflow) throw malformedError(vendor, 'an event that is too long');
    if (last) stream.letGo();
    if (group.length > 0) yield group;
    if (last) return;
    group = [];
  }
  // Some servers end without the blank line that completes the last event.
  parser.feed(`${decoder.end()}\n\n`);
  if (group.length > 0) yield group;
}
