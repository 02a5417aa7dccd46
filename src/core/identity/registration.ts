import { hash } from 'node:crypto';
import type { Users } from '../../storage/users.ts';
import { usedOtherwise, type Idempotency, type IdempotentWrites } from '../idempotency.ts';
import { accountOf, type Account, type Registration } from './account.ts';
import type { Passwords } from './passwords.ts';
import type { Registry } from './registry.ts';

/**
 * Makes an account with the role `user`; a repeat under the same key, from the same address, gets the account that was made.
 * Throws as `Registry.create` does.
 */
export type Register = (
  registration: Registration,
  sent?: { ip: string; idempotency: Idempotency | undefined },
) => Promise<Account>;

export function createRegistration(parts: {
  users: Users;
  passwords: Passwords;
  registry: Pick<Registry, 'create'>;
  idempotency: Pick<IdempotentWrites, 'once'>;
}): Register {
  const { users, passwords, registry, idempotency } = parts;

  return async (registration, sent) => {
    const account = { ...registration, role: 'user' } as const;
    if (sent?.idempotency === undefined) return registry.create(account);
    const owner = `ip:${sent.ip}`;
    const repeatable = { key: sent.idempotency.key, fingerprint: fingerprintOf(registration) };
    const again = async (result: unknown) => {
      const user = await users.findById((result as { userId: number }).userId);
      if (!(await passwords.verify(registration.password, user?.passwordHash)) || user === undefined) {
        throw usedOtherwise();
      }
      return accountOf(user);
    };
    return idempotency.once(owner, repeatable, null, (claim) => registry.create(account, claim), again);
  };
}

/** Without the password: what is quick to compute from one helps who wants to guess it. A repeat must know it instead. */
function fingerprintOf({ username, email, fullName = '', nickname = '', phone = '' }: Registration): string {
  return hash('sha256', JSON.stringify([username, email, fullName, nickname, phone]), 'hex');
}
