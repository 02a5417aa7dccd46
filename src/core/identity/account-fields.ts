import { invalidField } from '../errors.ts';
import type { Registration } from './account.ts';

/** What is stored of a registration, without blanks around it. */
export type AccountFields = Required<Registration>;

/** Throws `invalid_request` with the first field that is not allowed. */
export function accountFieldsOf(registration: Registration): AccountFields {
  const username = registration.username.trim();
  const email = emailFrom(registration.email);
  checkUsername(username, email);
  checkPassword(registration.password);
  const fullName = fullNameFrom(registration.fullName ?? '');
  return { username, email, fullName, password: registration.password };
}

/** Throws `invalid_request`. */
export function checkPassword(password: string): void {
  if (!/^[^]{8,256}$/u.test(password)) throw invalidField('password', { kind: 'length', min: 8, max: 256 });
}

/** Without blanks around it. Throws `invalid_request`. */
export function emailFrom(text: string): string {
  const email = text.trim();
  if (!/^[^\s@\p{C}]{1,64}@[^\s@\p{C}]{1,190}$/u.test(email)) throw invalidField('email', { kind: 'email' });
  return email;
}

/** Without blanks around it. No control or invisible characters: names are shown in lists and terminals. Throws `invalid_request`. */
export function fullNameFrom(text: string): string {
  const name = text.trim();
  if (!/^\P{C}*$/u.test(name)) throw invalidField('full_name', { kind: 'invisible' });
  if (!/^.{0,100}$/u.test(name)) throw invalidField('full_name', { kind: 'length', max: 100 });
  return name;
}

/** An address as a name must be one's own: somebody else's would be taken for that person. */
function checkUsername(username: string, email: string): void {
  if (username.toLowerCase() === email.toLowerCase()) return;
  if (!/^\P{C}*$/u.test(username)) throw invalidField('username', { kind: 'invisible' });
  if (!/^.{3,64}$/u.test(username)) throw invalidField('username', { kind: 'length', min: 3, max: 64 });
  if (username.includes('@')) throw invalidField('username', { kind: 'name_with_at' });
}
