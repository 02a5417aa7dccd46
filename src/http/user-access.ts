import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { ParleyError } from '../core/errors.ts';
import type { Caller, UserCaller } from '../core/identity/caller.ts';
import { credentialsOf, type Authenticator } from './credentials.ts';
import './caller-decoration.ts';

/** The person who asks. Throws `unauthorized` for nobody, `forbidden` for an API key, which belongs to no person. */
export function requireUser(caller: Caller): UserCaller {
  switch (caller.kind) {
    case 'user':
      return caller;
    case 'anonymous':
    case 'guest':
      throw new ParleyError(
        'unauthorized',
        'Log in first: this address wants an access token, sent as "Authorization: Bearer <token>".',
      );
    case 'key':
      throw new ParleyError('forbidden', 'This address is for people who are logged in, not for API keys.');
  }
}

/** What finding out who asks needs. */
export interface UserAccessParts {
  authenticator: Authenticator;
  clientAddress: (request: FastifyRequest['raw']) => string;
}

/** Lets only people in, as a door's hook: `request.caller` is a `UserCaller` afterwards. Throws as `requireUser` does. */
export function admitUsers({ authenticator, clientAddress }: UserAccessParts): onRequestAsyncHookHandler {
  return async (request) => {
    const credentials = credentialsOf(request.headers);
    request.caller = requireUser(await authenticator.identify(credentials, clientAddress(request.raw)));
  };
}
