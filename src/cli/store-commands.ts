import { ConfigError } from '../config/config-error.ts';
import { loadConfig } from '../config.ts';
import { createIdempotency } from '../core/idempotency.ts';
import { createApiKeys } from '../core/identity/api-keys.ts';
import { createPasswords } from '../core/identity/passwords.ts';
import { createRegistry } from '../core/identity/registry.ts';
import { createRuntime } from '../core/runtime.ts';
import { openStorageAt } from '../storage/open-storage.ts';
import { createAdmin, listAdmins, resetPassword, setAdminStatus, type AdminCommandParts } from './admins.ts';
import type { Command } from './command.ts';
import { createKey, listKeys, revokeKey, type KeyCommandParts } from './keys.ts';
import { parseOptions, text } from './parse-options.ts';

/** What `keys` and `admin` do, over the store that the configuration names; also while a server runs on it. */
type Work = (parts: KeyCommandParts & AdminCommandParts) => Promise<number>;

/** The command `keys VERB`; undefined where there is none. Throws `UsageError`. */
export function keyCommandOf(verb: string | undefined, rest: string[]): Command | undefined {
  switch (verb) {
    case 'create': {
      const options = { name: text, scopes: text, rate: text, expires: text, budget: text };
      const { values } = parseOptions('keys create', rest, options);
      return overStore((parts) => createKey(parts, values));
    }
    case 'list':
      parseOptions('keys list', rest, {});
      return overStore(listKeys);
    case 'revoke': {
      const { positionals } = parseOptions('keys revoke', rest, {}, 1);
      return overStore((parts) => revokeKey(parts, positionals[0] ?? ''));
    }
    default:
      return undefined;
  }
}

/** The command `admin VERB`; undefined where there is none. Throws `UsageError`. */
export function adminCommandOf(verb: string | undefined, rest: string[]): Command | undefined {
  switch (verb) {
    case 'create': {
      const { values } = parseOptions('admin create', rest, { email: text, username: text, password: text });
      return overStore((parts) => createAdmin(parts, values));
    }
    case 'reset': {
      const { values } = parseOptions('admin reset', rest, { email: text, password: text });
      return overStore((parts) => resetPassword(parts, values));
    }
    case 'disable':
    case 'enable': {
      const { values } = parseOptions(`admin ${verb}`, rest, { email: text });
      return overStore((parts) => setAdminStatus(parts, values, verb === 'enable' ? 'active' : 'disabled'));
    }
    case 'list':
      parseOptions('admin list', rest, {});
      return overStore(listAdmins);
    default:
      return undefined;
  }
}

function overStore(work: Work): Command {
  return async (env, terminal) => {
    const { databaseUrl: url } = loadConfig(env);
    if (url === 'sqlite::memory:') {
      throw new ConfigError(
        'DATABASE_URL is "sqlite::memory:": its keys and accounts end with the server, so they cannot be made here',
      );
    }
    const runtime = createRuntime();
    const storage = await openStorageAt({ url, use: 'visit', now: runtime.now });
    try {
      const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
      const apiKeys = createApiKeys({ rows: storage.apiKeys, idempotency, runtime });
      const registry = createRegistry({ users: storage.users, passwords: createPasswords(), runtime });
      const generatePassword = () => runtime.token(12);
      return await work({ apiKeys, registry, terminal, generatePassword, now: runtime.now() });
    } finally {
      await storage.close();
    }
  };
}
