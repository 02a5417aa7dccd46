import { isIP } from 'node:net';
import type { Issue } from '../core/issue.ts';

/** Why a message cannot be sent to an address; `message` is fit to be shown. */
export class Refusal extends Error {
  /** The same of an address that an administrator typed, for those who say it in another language. */
  readonly issue: Issue | undefined;

  constructor(message: string, issue?: Issue) {
    super(message);
    this.issue = issue;
  }
}

/** Throws `Refusal` for what can never be sent to. */
export function urlOf(text: string, allowHttp: boolean): URL {
  const url = URL.parse(text);
  const protocols = allowHttp ? ['https:', 'http:'] : ['https:'];
  if (url === null || text.length > 2000 || !protocols.includes(url.protocol)) {
    const text = `It must be an ${allowHttp ? 'http:// or https://' : 'https://'} address.`;
    throw new Refusal(text, { kind: 'protocol', protocols });
  }
  if (url.username + url.password !== '') {
    throw new Refusal('It must not have a user name or password.', { kind: 'credentials' });
  }
  url.hash = '';
  return url;
}

/** Where a redirect from `from` leads. Throws `Refusal`. */
export function redirectOf(location: string, from: URL, allowHttp: boolean): URL {
  const to = URL.parse(location, from.href);
  if (to === null) throw new Refusal('It redirects to what is no address.');
  if (from.protocol === 'https:' && to.protocol !== 'https:') {
    throw new Refusal('It redirects from https to http.');
  }
  try {
    return urlOf(to.href, allowHttp);
  } catch (thrown) {
    throw new Refusal(`It redirects to an address that is not allowed. ${(thrown as Error).message}`);
  }
}

/** The IP address that `url` spells; URLs have every odd spelling of one in its plain form. */
export function literalOf({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/u, '$1');
  return isIP(bare) === 0 ? undefined : bare;
}
