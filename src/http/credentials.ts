import type { IncomingHttpHeaders } from 'node:http';
import type { Accounts } from '../core/identity/accounts.ts';
import type { ApiKeys } from '../core/identity/api-keys.ts';
import type { Caller } from '../core/identity/caller.ts';
import { ParleyError } from '../core/errors.ts';

/** What a request or socket shows of who it is. */
export interface Credentials {
  /** `X-API-Key`. */
  apiKey: string | undefined;
  /** `Authorization: Bearer`, or a socket's `?token=` or `bearer.…` subprotocol. */
  bearer: string | undefined;
}

export function credentialsOf(headers: IncomingHttpHeaders): Credentials {
  const apiKey = headers['x-api-key'];
  const authorization = headers.authorization;
  return {
    apiKey: typeof apiKey === 'string' && apiKey !== '' ? apiKey : undefined,
    bearer:
      authorization !== undefined && /^bearer /iu.test(authorization)
        ? authorization.slice(7).trim()
        : undefined,
  };
}

const protocolPrefix = 'bearer.';

/** A socket's credentials: `?token=`, the `Authorization` header, or the subprotocol `bearer.<token>`. */
export function socketCredentialsOf(headers: IncomingHttpHeaders, query: URLSearchParams): Credentials {
  const { apiKey, bearer } = credentialsOf(headers);
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  const protocol = offered.find((name) => name.startsWith(protocolPrefix))?.slice(protocolPrefix.length);
  return { apiKey, bearer: query.get('token') ?? bearer ?? protocol };
}

/** Turns credentials into a caller. */
export interface Authenticator {
  /**
   * Throws `unauthorized`, `token_expired` or `token_invalid` for credentials that are there but not valid. `lenient`
   * takes a bearer that cannot be one of ours for none: OpenAI's clients must send one even to servers that want none.
   */
  identify(credentials: Credentials, ip: string, options?: { lenient?: boolean }): Promise<Caller>;
}

export function createAuthenticator(parts: {
  apiKeys: Pick<ApiKeys, 'verify'>;
  accounts: Pick<Accounts, 'identify'>;
}): Authenticator {
  const { apiKeys, accounts } = parts;
  return {
    async identify({ apiKey, bearer }, ip, { lenient = false } = {}) {
      const secret = apiKey ?? bearer;
      if (secret === undefined || (lenient && !looksLikeOurs(secret))) return { kind: 'anonymous', ip };
      if (!secret.startsWith('pk_')) {
        if (looksLikeOurs(secret)) return accounts.identify(secret, ip);
        throw new ParleyError('token_invalid', 'The token or API key is not valid.');
      }
      const key = await apiKeys.verify(secret);
      return {
        kind: 'key',
        ip,
        keyId: key.id,
        scopes: new Set(key.scopes),
        requestsPerMinute: key.requestsPerMinute,
      };
    },
  };
}

/** API keys begin with `pk_`; access tokens are JWTs, three parts with dots between. */
function looksLikeOurs(secret: string): boolean {
  return secret.startsWith('pk_') || /^[\w-]+\.[\w-]+\.[\w-]+$/u.test(secret);
}
