import { lookup as systemLookup } from 'node:dns/promises';
import { ParleyError } from '../core/errors.ts';
import type { Deliver, Outcome, OutgoingMessage } from '../core/webhooks/deliver.ts';
import { createAddressRules, type AddressRules } from './addresses.ts';
import { post, type Answer } from './post.ts';
import { literalOf, redirectOf, Refusal, urlOf } from './urls.ts';

export interface DeliverParts {
  /** Ranges that may be sent to though they are not public. */
  allowPrivateAddresses: readonly string[];
  /** Whether `http:` is good enough. */
  allowHttp: boolean;
  /** For looking up, connecting, redirects and the answer together, milliseconds. */
  timeoutMs: number;
  /** Sent as `User-Agent`. */
  agent: string;
  /** All addresses of a name; the system's, unless a test has its own. */
  lookup?: (name: string) => Promise<readonly string[]>;
}

const mostRedirects = 3;
/** Those after which the same request may be sent to the other address. 303 wants a GET, which would deliver nothing. */
const redirects = new Set([301, 302, 307, 308]);

/**
 * Sends over HTTP to what is on the public internet. A name is looked up once for each request, every address of it is checked, and
 * the connection goes to no other; a redirect is checked like the first address. The message goes along with its signature: one
 * without the other would be worth nothing.
 */
export function createDeliver(parts: DeliverParts): Deliver {
  const { allowHttp, timeoutMs, agent } = parts;
  const rules = createAddressRules(parts.allowPrivateAddresses);
  const lookup = parts.lookup ?? lookUp;

  const attempt = async (message: OutgoingMessage, signal: AbortSignal): Promise<Answer> => {
    let url = urlOf(message.url, allowHttp);
    const headers = { 'user-agent': agent, ...message.headers };
    for (let redirected = 0; ; redirected++) {
      const addresses = await unlessAborted(addressesOf(url, rules, lookup), signal);
      const answer = await post({ url, addresses, headers, body: message.body }, signal);
      if (!redirects.has(answer.statusCode) || answer.location === undefined) return answer;
      if (redirected === mostRedirects) throw new Refusal(`It redirects more than ${mostRedirects} times.`);
      url = redirectOf(answer.location, url, allowHttp);
    }
  };

  return {
    check(url) {
      checkedUrl(url, parts, rules);
    },
    async send(message, signal) {
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        return outcomeOf(await attempt(message, AbortSignal.any([signal, timeout])));
      } catch (thrown) {
        if (signal.aborted) throw signal.reason;
        const error = timeout.aborted ? `There was no answer within ${timeoutMs} ms.` : explained(thrown);
        return { statusCode: null, error };
      }
    },
  };
}

function checkedUrl(text: string, parts: DeliverParts, rules: AddressRules): void {
  try {
    const url = urlOf(text, parts.allowHttp);
    const literal = literalOf(url);
    if (literal !== undefined && !rules.allows(literal)) throw notPublic(literal);
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    const { issue } = thrown;
    throw new ParleyError('invalid_request', `url: ${thrown.message}`, {
      field: 'url',
      ...(issue !== undefined && { issue }),
    });
  }
}

/** Throws unless every address is allowed: which of them a connection takes is nobody's to choose. */
async function addressesOf(
  url: URL,
  rules: AddressRules,
  lookup: (name: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const literal = literalOf(url);
  const addresses = literal === undefined ? await lookup(url.hostname) : [literal];
  const refused = addresses.find((address) => !rules.allows(address));
  if (refused !== undefined) throw notPublic(refused);
  if (addresses.length === 0) throw new Refusal('Its name has no address.');
  return addresses;
}

async function lookUp(name: string): Promise<string[]> {
  return (await systemLookup(name, { all: true })).map(({ address }) => address);
}

/** A lookup cannot be given up, but it need not be waited for. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function outcomeOf({ statusCode, retryAfter }: Answer): Outcome {
  if (statusCode >= 200 && statusCode < 300) return { statusCode, error: null };
  const seconds = /^\d{1,6}$/u.test(retryAfter ?? '') ? Number(retryAfter) : 0;
  return { statusCode, error: `It answered ${statusCode}.`, retryAfterMs: seconds * 1000 };
}

function explained(thrown: unknown): string {
  if (thrown instanceof Refusal) return thrown.message;
  const { code } = thrown as { code?: unknown };
  return `It could not be reached (${typeof code === 'string' ? code : 'the connection broke'}).`;
}

function notPublic(address: string): Refusal {
  return new Refusal(`Its address ${address} is not one of the public internet.`, {
    kind: 'private_address',
  });
}
