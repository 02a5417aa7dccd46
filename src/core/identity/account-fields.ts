import { invalidField } from '../errors.ts';
import type { Account, Registration } from './account.ts';

/** What is stored of a registration, without blanks around it. */
export type AccountFields = Pick<Registration, 'username' | 'email' | 'password'> &
  Pick<Account, 'fullName' | 'nickname' | 'phone'>;

/** Throws `invalid_request` with the first field that is not allowed. */
export function accountFieldsOf(registration: Registration): AccountFields {
  const username = registration.username.trim();
  const email = emailFrom(registration.email);
  checkUsername(username, email);
  checkPassword(registration.password);
  const fullName = fullNameFrom(registration.fullName ?? '');
  const nickname = nameFrom(registration.nickname ?? '', 'nickname') || null;
  const phone = phoneFrom(registration.phone ?? '') || null;
  return { username, email, fullName, nickname, phone, password: registration.password };
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

/** Without blanks around it. Throws `invalid_request`. */
export function fullNameFrom(text: string): string {
  return nameFrom(text, 'full_name');
}

/** No control or invisible characters but those that join emoji: names are shown in lists and terminals. */
function nameFrom(text: string, field: string): string {
  const name = text.trim();
  if (!/^\P{C}*$/u.test(name.replaceAll(/\p{RGI_Emoji}/gv, '')))
    throw invalidField(field, { kind: 'invisible' });
  if (!/^.{0,100}$/u.test(name)) throw invalidField(field, { kind: 'length', max: 100 });
  return name;
}

function phoneFrom(text: string): string {
  const phone = text.trim();
  if (phone !== '' && !/^(?=.*\d)[\d +()-]{5,32}$/u.test(phone))
    throw invalidField('phone', { kind: 'phone' });
  return phone;
}

/** An address as a name must be one's own: somebody else's would be taken for that person. */
function checkUsername(username: string, email: string): void {
  if (username.toLowerCase() === email.toLowerCase()) return;
  if (!/^\P{C}*$/u.test(username)) throw invalidField('username', { kind: 'invisible' });
  if (!/^.{3,64}$/u.test(username)) throw invalidField('username', { kind: 'length', min: 3, max: 64 });
  if (username.includes('@')) throw invalidField('username', { kind: 'name_with_at' });
}
