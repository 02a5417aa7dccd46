/** What a reader tells of each response, in the order of events. */
export interface ResponseEvents {
  /** The first bytes of the body, or those with the awaited text, are here. */
  onFirstByte(): void;
  /** The response is complete: its status, body length in bytes, and `\n\n` separators seen in the body. */
  onEnd(status: number, bytes: number, frames: number): void;
  /** The bytes are not HTTP/1.1 that this reader understands; it must not be fed again. */
  onBroken(why: string): void;
}

const inHead = 0;
const inFixedBody = 1;
const inChunkSize = 2;
const inChunkData = 3;
const inChunkEnd = 4;
const inTrailer = 5;

const headEnd = Buffer.from('\r\n\r\n');
const frameEnd = Buffer.from('\n\n');
const newline = 10;

/** Value of a hexadecimal digit's character code, or -1. */
function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/**
 * Reads the responses of one keep-alive connection, one after the other (no pipelining): `content-length` and
 * `chunked` bodies (RFC 9112, sections 6 and 7.1), chunk extensions and trailers skipped. It copies nothing but a
 * response head that arrives in two reads.
 */
export class ResponseReader {
  readonly #events: ResponseEvents;
  #state = inHead;
  #head: Buffer | undefined;
  #status = 0;
  #left = 0;
  #sizeDone = false;
  #lineLength = 0;
  #bytes = 0;
  #frames = 0;
  #afterNewline = false;
  readonly #awaited: Buffer | undefined;
  #begun = false;

  /** `awaited` must arrive in one read, as the events of a stream do that leave one by one. */
  constructor(events: ResponseEvents, awaited?: string) {
    this.#events = events;
    this.#awaited = awaited === undefined ? undefined : Buffer.from(awaited);
  }

  /** Whether the connection stands between two responses. */
  get idle(): boolean {
    return this.#state === inHead && this.#head === undefined;
  }

  /** Takes the next bytes of the connection. */
  feed(chunk: Buffer): void {
    let at = 0;
    while (at >= 0 && at < chunk.length) {
      if (this.#state === inHead) at = this.#readHead(chunk, at);
      else if (this.#state === inChunkSize) at = this.#readChunkSize(chunk, at);
      else if (this.#state === inFixedBody || this.#state === inChunkData) at = this.#readBody(chunk, at);
      else at = this.#readLineEnd(chunk, at);
    }
  }

  #readHead(chunk: Buffer, at: number): number {
    const known = this.#head;
    const bytes = known ? Buffer.concat([known, chunk]) : chunk;
    const start = known ? 0 : at;
    const end = bytes.indexOf(headEnd, start);
    if (end < 0) {
      this.#head = bytes.subarray(start);
      return chunk.length;
    }
    this.#head = undefined;
    return this.#beginBody(bytes.toString('latin1', start, end)) ? end + 4 - (known?.length ?? 0) : -1;
  }

  #beginBody(head: string): boolean {
    this.#status = Number(head.slice(9, 12));
    this.#bytes = 0;
    this.#frames = 0;
    this.#afterNewline = false;
    this.#begun = false;
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    if (length) {
      this.#left = Number(length[1]);
      this.#state = inFixedBody;
      if (this.#left === 0) this.#finish();
      return true;
    }
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      this.#beginChunk();
      return true;
    }
    this.#events.onBroken(`neither content-length nor chunked: ${head.slice(0, 60)}`);
    return false;
  }

  #beginChunk(): void {
    this.#state = inChunkSize;
    this.#left = 0;
    this.#sizeDone = false;
  }

  #readChunkSize(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const code = chunk[at]!;
      if (code === newline) {
        this.#state = this.#left === 0 ? inTrailer : inChunkData;
        this.#lineLength = 0;
        return at + 1;
      }
      const digit = this.#sizeDone ? -1 : hexValue(code);
      if (digit < 0) this.#sizeDone = true;
      else this.#left = this.#left * 16 + digit;
    }
    return chunk.length;
  }

  #readBody(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    if (!this.#begun) this.#lookForBeginning(chunk, at, end);
    this.#bytes += end - at;
    this.#left -= end - at;
    this.#countFrames(chunk, at, end);
    if (this.#left > 0) return end;
    if (this.#state === inFixedBody) this.#finish();
    else {
      this.#state = inChunkEnd;
      this.#lineLength = 0;
    }
    return end;
  }

  #lookForBeginning(chunk: Buffer, start: number, end: number): void {
    if (this.#awaited !== undefined) {
      const found = chunk.indexOf(this.#awaited, start);
      if (found < 0 || found >= end) return;
    }
    this.#begun = true;
    this.#events.onFirstByte();
  }

  #countFrames(chunk: Buffer, start: number, end: number): void {
    let at = start;
    if (this.#afterNewline && chunk[at] === newline) {
      this.#frames++;
      at++;
    }
    while (at < end - 1) {
      const found = chunk.indexOf(frameEnd, at);
      if (found < 0 || found > end - 2) break;
      this.#frames++;
      at = found + 2;
    }
    this.#afterNewline = at < end && chunk[end - 1] === newline;
  }

  /** The CRLF after a chunk's data, or the trailer lines up to the empty one. */
  #readLineEnd(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      if (chunk[at] !== newline) {
        this.#lineLength++;
        continue;
      }
      const empty = this.#lineLength <= 1;
      this.#lineLength = 0;
      if (this.#state === inChunkEnd) this.#beginChunk();
      else if (empty) this.#finish();
      else continue;
      return at + 1;
    }
    return chunk.length;
  }

  #finish(): void {
    this.#state = inHead;
    this.#events.onEnd(this.#status, this.#bytes, this.#frames);
  }
}
