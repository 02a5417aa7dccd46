import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { ParleyError } from '../core/errors.ts';
import type { ProviderTimeouts } from '../core/completions/provider.ts';
import { statusError, timeoutError, transportError } from './vendor-errors.ts';
import type { VendorIdentity } from './vendor-errors.ts';

const errorBodyLimit = 64 * 1024;
const pauseAtBytes = 256 * 1024;

/** The vendor of an exchange with its limits and clock. */
export interface Vendor extends VendorIdentity {
  timeouts: ProviderTimeouts;
  now(): number;
}

/**
 * One HTTP call from dispatch to its last byte. Ends once: by the vendor's end, an error, the total timeout or
 * the caller's abort. The latter two end it at once even while it waits for a connection, and destroy the socket
 * where there is one. A handler of our own because `pool.request`, as fast as this, notices neither before
 * the socket is connected.
 */
abstract class Exchange implements Dispatcher.DispatchHandler, EventListenerObject {
  protected readonly vendor: Vendor;
  protected controller: Dispatcher.DispatchController | null = null;
  protected chunks: Buffer[] = [];
  protected ended = false;
  private readonly signal: AbortSignal;
  private readonly timer: NodeJS.Timeout;
  private status = 0;
  private headers: IncomingHttpHeaders | null = null;
  private errorBytes = 0;

  constructor(vendor: Vendor, signal: AbortSignal) {
    this.vendor = vendor;
    this.signal = signal;
    this.timer = setTimeout(expire, vendor.timeouts.totalMs, this);
    signal.addEventListener('abort', this);
  }

  protected abstract accepted(): void;
  protected abstract received(chunk: Buffer): void;
  protected abstract completed(): void;
  protected abstract failed(error: ParleyError): void;

  /** The caller's abort. */
  handleEvent(): void {
    this.fail(cancelled(this.signal));
  }

  /** Ends the exchange with `error` and destroys the vendor's socket; without effect when it has ended. */
  fail(error: ParleyError): void {
    if (this.ended) return;
    this.end();
    this.controller?.abort(error);
    this.failed(error);
  }

  /** The total timeout. */
  expire(): void {
    this.fail(timeoutError(this.vendor, 'total', this.vendor.timeouts.totalMs));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // Ended while it waited for a connection: undici offers no other place to withdraw it.
    if (this.ended) controller.abort(new Error('withdrawn'));
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.status = status;
    this.headers = headers;
    if (status < 300) this.accepted();
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.status < 300) return this.received(chunk);
    if (this.errorBytes < errorBodyLimit) this.chunks.push(chunk);
    this.errorBytes += chunk.length;
  }

  onResponseEnd(): void {
    if (this.ended) return;
    this.end();
    if (this.status < 300) return this.completed();
    this.failed(this.refusal());
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.ended) return;
    this.end();
    // The vendor refused with a status and then cut its explanation short: the status says more than the cut.
    this.failed(
      this.status >= 300 ? this.refusal() : transportError(this.vendor, this.vendor.timeouts, error),
    );
  }

  private refusal(): ParleyError {
    const body = Buffer.concat(this.chunks).toString('utf8', 0, errorBodyLimit);
    return statusError(this.vendor, this.status, this.headers ?? {}, body, this.vendor.now());
  }

  private end(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.signal.removeEventListener('abort', this);
  }
}

function expire(exchange: Exchange): void {
  exchange.expire();
}

/** The error of a call whose caller went away or stopped it. */
export function cancelled(signal: AbortSignal): ParleyError {
  return new ParleyError('cancelled', 'The request was cancelled', { cause: signal.reason });
}

/** Whether `error` says that the caller wants no more, rather than that the vendor failed. */
export function isCancelled(error: unknown): boolean {
  return error instanceof ParleyError && error.code === 'cancelled';
}

/** Settles with the body's text once all of it is there. */
export class WholeExchange extends Exchange {
  private readonly resolve: (body: string) => void;
  private readonly reject: (error: ParleyError) => void;

  constructor(
    vendor: Vendor,
    signal: AbortSignal,
    resolve: (body: string) => void,
    reject: (error: ParleyError) => void,
  ) {
    super(vendor, signal);
    this.resolve = resolve;
    this.reject = reject;
  }

  protected accepted(): void {}

  protected received(chunk: Buffer): void {
    this.chunks.push(chunk);
  }

  protected completed(): void {
    const [first] = this.chunks;
    const body = this.chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.chunks);
    this.resolve(body.toString('utf8'));
  }

  protected failed(error: ParleyError): void {
    this.reject(error);
  }
}

/** A body that is read while it arrives. */
export interface VendorStream {
  /**
   * The body's pieces as they come; can be read once. Throws `ParleyError`. A reader that stops early
   * destroys the vendor's socket.
   */
  read(): AsyncGenerator<Buffer, void, undefined>;
  /**
   * Says that nothing more is wanted although the body has not ended, so that its last bytes are thrown away and
   * the connection is used again instead of destroyed.
   */
  letGo(): void;
}

/** Resolves with a stream when the headers have come; the reader's pace holds the vendor back. */
export class StreamExchange extends Exchange implements VendorStream {
  private readonly resolve: (stream: VendorStream) => void;
  private readonly reject: (error: ParleyError) => void;
  private error: ParleyError | null = null;
  private wake: (() => void) | null = null;
  private bufferedBytes = 0;
  private unwanted = false;

  constructor(
    vendor: Vendor,
    signal: AbortSignal,
    resolve: (stream: VendorStream) => void,
    reject: (error: ParleyError) => void,
  ) {
    super(vendor, signal);
    this.resolve = resolve;
    this.reject = reject;
  }

  async *read(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (;;) {
        for (let piece = this.take(); piece !== undefined; piece = this.take()) yield piece;
        if (this.error !== null) throw this.error;
        if (this.ended || this.unwanted) return;
        await new Promise<void>((resolve) => (this.wake = resolve));
      }
    } finally {
      if (!this.unwanted) this.fail(new ParleyError('cancelled', 'The answer was not read to its end'));
    }
  }

  letGo(): void {
    this.unwanted = true;
    this.chunks = [];
    this.controller?.resume();
  }

  protected accepted(): void {
    this.resolve(this);
  }

  protected received(chunk: Buffer): void {
    if (this.unwanted) return;
    this.chunks.push(chunk);
    this.bufferedBytes += chunk.length;
    if (this.bufferedBytes > pauseAtBytes) this.controller?.pause();
    this.wakeReader();
  }

  protected completed(): void {
    this.wakeReader();
  }

  protected failed(error: ParleyError): void {
    this.error = error;
    // After a stop nothing more may be seen; after a failure everything that came before it.
    if (error.code === 'cancelled') this.chunks = [];
    this.reject(error);
    this.wakeReader();
  }

  /** What has come since the last time, in one piece: a vendor's chunks are small, and each costs its readers a turn. */
  private take(): Buffer | undefined {
    const { chunks } = this;
    if (chunks.length === 0) return undefined;
    this.chunks = [];
    this.bufferedBytes = 0;
    this.controller?.resume();
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
  }

  private wakeReader(): void {
    const wake = this.wake;
    this.wake = null;
    wake?.();
  }
}
