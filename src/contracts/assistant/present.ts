import type { Account, LoggedIn } from '../../core/identity/accounts.ts';

/** assistant.md, "Login". */
export function presentToken({ accessToken }: LoggedIn) {
  return { access_token: accessToken, token_type: 'bearer' };
}

/** assistant.md, "Register". */
export function presentAccount({ id, username, email, role, status }: Account) {
  return { id, username, email, role, status };
}
