import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIPv6, type LookupFunction } from 'node:net';

/** One POST to addresses that were looked up and checked before. */
export interface Post {
  url: URL;
  /** Where the connection goes, whatever the name in `url` stands for by now. At least one. */
  addresses: readonly string[];
  headers: Record<string, string>;
  body: string;
}

export interface Answer {
  statusCode: number;
  location: string | undefined;
  retryAfter: string | undefined;
}

/** What a receiver may say beside its status; it is read for politeness, and thrown away. */
const mostBodyBytes = 64 * 1024;
const mostHeaderBytes = 16 * 1024;

/** Sends it over a connection of its own, without proxies, cookies or redirects. Rejects with what went wrong, or the signal's reason. */
export function post({ url, addresses, headers, body }: Post, signal: AbortSignal): Promise<Answer> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)), connection: 'close' },
      // An agent might hold a connection to an address that was checked another time, or use a proxy.
      agent: false,
      lookup: pinned(addresses),
      maxHeaderSize: mostHeaderBytes,
      signal,
    });
    sent.on('response', (response) => resolve(answerOf(response)));
    sent.on('error', (error) => reject(signal.aborted ? (signal.reason as Error) : error));
    sent.end(body);
  });
}

function answerOf(response: IncomingMessage): Promise<Answer> {
  const answer: Answer = {
    statusCode: response.statusCode ?? 0,
    location: response.headers.location,
    retryAfter: response.headers['retry-after'],
  };
  return new Promise((resolve) => {
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > mostBodyBytes) response.destroy();
    });
    // Its status has been said: what goes wrong afterwards takes nothing back.
    response.on('error', () => {});
    response.on('close', () => resolve(answer));
  });
}

/** Answers every lookup with the checked addresses. */
function pinned(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  return (_name, options, callback) => {
    const [first] = found;
    if (options.all === true) callback(null, found);
    else callback(null, first?.address ?? '', first?.family);
  };
}
