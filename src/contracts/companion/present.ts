import type { LoggedIn } from '../../core/identity/accounts.ts';

/** companion.md, "User Login". */
export function presentToken({ accessToken }: LoggedIn) {
  return { access_token: accessToken, token_type: 'bearer' };
}
