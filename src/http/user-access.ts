import { ParleyError } from '../core/errors.ts';
import type { Caller, UserCaller } from '../core/identity/caller.ts';

/** The person who asks. Throws `unauthorized` for nobody, `forbidden` for an API key, which belongs to no person. */
export function requireUser(caller: Caller): UserCaller {
  switch (caller.kind) {
    case 'user':
      return caller;
    case 'anonymous':
      throw new ParleyError(
        'unauthorized',
        'Log in first: this address wants an access token, sent as "Authorization: Bearer <token>".',
      );
    case 'key':
      throw new ParleyError('forbidden', 'This address is for people who are logged in, not for API keys.');
  }
}
