import { join } from 'node:path';
import type { Config } from '../config.ts';
import { createAccessTokens } from '../core/identity/access-tokens.ts';
import { createIdempotency } from '../core/idempotency.ts';
import { createAccounts, type Accounts } from '../core/identity/accounts.ts';
import type { Passwords } from '../core/identity/passwords.ts';
import type { Runtime } from '../core/runtime.ts';
import { ensureSecret } from '../storage/secret-file.ts';
import type { Storage } from '../storage/storage.ts';
import type { OpenedNode } from './open-node.ts';

export interface OpenAccountsParts {
  config: Pick<Config, 'secret' | 'databaseUrl' | 'dataDir' | 'accessTokenTtlMs'>;
  storage: Pick<Storage, 'users' | 'logins' | 'idempotencyKeys'>;
  passwords: Passwords;
  node: Pick<OpenedNode, 'loginLimits'> & Partial<Pick<OpenedNode, 'bus'>>;
  runtime: Runtime;
}

/**
 * People's accounts over the store, with tokens signed by the configured secret or the data folder's own. Failed logins are
 * counted whether rate limits are on or off: those are turned off for load, not for guessing. Throws `StorageError`.
 */
export function openAccounts({ config, storage, passwords, node, runtime }: OpenAccountsParts): Accounts {
  const secret = config.secret ?? generatedSecret(config, runtime);
  return createAccounts({
    users: storage.users,
    logins: storage.logins,
    passwords,
    accessTokens: createAccessTokens({ secret, lifetimeMs: config.accessTokenTtlMs, runtime }),
    limits: node.loginLimits,
    bus: node.bus,
    idempotency: createIdempotency({ keys: storage.idempotencyKeys, runtime }),
    runtime,
  });
}

/** With a database in memory, no login outlives the process, and neither need the secret. */
function generatedSecret({ databaseUrl, dataDir }: OpenAccountsParts['config'], runtime: Runtime): string {
  const make = () => runtime.token(32);
  return databaseUrl === 'sqlite::memory:' ? make() : ensureSecret(join(dataDir, 'secret'), make);
}
