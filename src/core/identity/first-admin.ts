import type { Users } from '../../storage/users.ts';
import type { Runtime } from '../runtime.ts';
import type { Passwords } from './passwords.ts';

/** The administrator that a new installation begins with. */
export interface FirstAdmin {
  email: string;
  /** The generated password, to be shown once; null where the operator chose it or the account was there already. */
  generatedPassword: string | null;
}

/** Makes sure that there is an administrator: the first start creates one. */
export async function ensureFirstAdmin(
  parts: { users: Users; passwords: Passwords; runtime: Runtime },
  wanted: { email: string; password: string | null },
): Promise<FirstAdmin> {
  const existing = await parts.users.firstAdmin();
  if (existing !== undefined) return { email: existing.email, generatedPassword: null };
  const generatedPassword = wanted.password === null ? parts.runtime.token(12) : null;
  const now = parts.runtime.now();
  const user = {
    username: wanted.email,
    email: wanted.email,
    fullName: 'Administrator',
    passwordHash: await parts.passwords.hash(wanted.password ?? generatedPassword ?? ''),
    role: 'admin',
    status: 'active',
    createdAt: now,
    updatedAt: now,
  };
  try {
    await parts.users.create(user);
  } catch (thrown) {
    // Another process that starts at the same time was quicker.
    const other = await parts.users.firstAdmin();
    if (other === undefined) throw thrown;
    return { email: other.email, generatedPassword: null };
  }
  return { email: wanted.email, generatedPassword };
}
