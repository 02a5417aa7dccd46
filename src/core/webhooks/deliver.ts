import type { Webhook } from '../../storage/webhooks.ts';
import type { Runtime } from '../runtime.ts';
import { signatureHeaders } from './signature.ts';

/** A message to a receiver, signed. */
export interface OutgoingMessage {
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** What came of sending. `error` is null exactly where the receiver has taken the message; else it is fit to be shown to administrators. */
export interface Outcome {
  /** Null where there was no answer. */
  statusCode: number | null;
  error: string | null;
  /** What it asks for before the next attempt. */
  retryAfterMs?: number | undefined;
}

/** Sends messages to addresses that administrators choose; which of them are allowed is its business. Implemented outside core. */
export interface Deliver {
  /** Throws `invalid_request`, field `url`, for an address that can never be sent to. */
  check(url: string): void;
  /** Never rejects, unless `signal` aborts. */
  send(message: OutgoingMessage, signal: AbortSignal): Promise<Outcome>;
}

/** The message with which a webhook is told of something, signed at this moment. */
export function messageTo(
  webhook: Pick<Webhook, 'url' | 'secret' | 'oldSecret' | 'oldSecretUntil'>,
  event: { id: string; body: string },
  runtime: Pick<Runtime, 'now'>,
): OutgoingMessage {
  const at = runtime.now();
  const { url, secret, oldSecret, oldSecretUntil } = webhook;
  const secrets = oldSecret !== null && at < oldSecretUntil ? [secret, oldSecret] : [secret];
  const headers = {
    'content-type': 'application/json',
    ...signatureHeaders({ id: event.id, at, body: event.body }, secrets),
  };
  return { url, headers, body: event.body };
}
