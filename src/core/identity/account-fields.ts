import { ParleyError } from '../errors.ts';
import type { Registration } from './account.ts';

/** What is stored of a registration, without blanks around it. */
export type AccountFields = Required<Registration>;

/** Throws `invalid_request` with the first field that is not allowed. */
export function accountFieldsOf(registration: Registration): AccountFields {
  const username = registration.username.trim();
  const email = registration.email.trim();
  const fullName = (registration.fullName ?? '').trim();
  checkEmail(email);
  checkUsername(username, email);
  checkPassword(registration.password);
  // No control or invisible characters: names are shown in lists and terminals.
  if (!/^\P{C}{0,100}$/u.test(fullName)) throw refusal('fullName', 'must be at most 100 visible characters');
  return { username, email, fullName, password: registration.password };
}

/** Throws `invalid_request`. */
export function checkPassword(password: string): void {
  if (!/^[^]{8,256}$/u.test(password)) throw refusal('password', 'must be 8 to 256 characters');
}

function checkEmail(email: string): void {
  if (!/^[^\s@\p{C}]{1,64}@[^\s@\p{C}]{1,190}$/u.test(email))
    throw refusal('email', 'must be an e-mail address');
}

/** An address as a name must be one's own: somebody else's would be taken for that person. */
function checkUsername(username: string, email: string): void {
  if (username.toLowerCase() === email.toLowerCase()) return;
  if (!/^\P{C}{3,64}$/u.test(username)) throw refusal('username', 'must be 3 to 64 visible characters');
  if (username.includes('@')) throw refusal('username', 'must not contain "@", or be the e-mail address');
}

function refusal(field: string, issue: string): ParleyError {
  return new ParleyError('invalid_request', `${field}: ${issue}`, { field });
}
