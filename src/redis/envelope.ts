/** What leaves a node together: messages in the order in which they were published. */
export interface Envelope {
  /** Which process sends it. */
  from: string;
  /** Counts the sender's envelopes from 1: one that is missing was lost. */
  number: number;
  messages: [topic: string, message?: unknown][];
}

/** A message as it stands in an envelope; `JSON.stringify` decides what is plain enough. */
export function encodeMessage(topic: string, message: unknown): string {
  return JSON.stringify(message === undefined ? [topic] : [topic, message]);
}

/** How all envelopes of a sender begin. */
export function encodeBeginning(from: string): string {
  return `{"from":${JSON.stringify(from)},`;
}

export function encodeEnvelope(from: string, number: number, messages: readonly string[]): string {
  return `${encodeBeginning(from)}"number":${number},"messages":[${messages.join(',')}]}`;
}

/** Throws a `SyntaxError` where the text is no envelope. */
export function decodeEnvelope(text: string): Envelope {
  const envelope: unknown = JSON.parse(text);
  if (isEnvelope(envelope)) return envelope;
  throw new SyntaxError('it is no envelope');
}

function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== 'object' || value === null) return false;
  const { from, number, messages } = value as Record<keyof Envelope, unknown>;
  return (
    typeof from === 'string' &&
    Number.isSafeInteger(number) &&
    Array.isArray(messages) &&
    messages.every((message) => Array.isArray(message) && typeof message[0] === 'string')
  );
}

/** Groups of messages, in their order, of at most `most` characters each, unless a single one is longer. */
export function splitMessages(messages: Iterable<string>, most: number): string[][] {
  const groups: string[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    length += message.length + 1;
    if (length > most) {
      groups.push([]);
      length = message.length;
    }
    groups.at(-1)?.push(message);
  }
  return groups;
}
