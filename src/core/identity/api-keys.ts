import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { ApiKeyRow, ApiKeys as ApiKeyRows } from '../../storage/api-keys.ts';
import { ParleyError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { Scope } from './caller.ts';

export interface NewApiKey {
  name: string;
  scopes: Scope[];
  /** Milliseconds since the epoch; null for a key that does not expire. */
  expiresAt: number | null;
  /** The key's own limit, which replaces the limit per address; null for none. */
  requestsPerMinute: number | null;
}

/** A key as lists show it: never the key itself, only how it begins. */
export interface ApiKey extends NewApiKey {
  id: number;
  prefix: string;
  createdAt: number;
  revokedAt: number | null;
  lastUsedAt: number | null;
}

export interface ApiKeys {
  /** Makes a key. This is the only time that `secret` (`pk_…`) is known. */
  create(key: NewApiKey): Promise<{ id: number; secret: string }>;
  list(): Promise<ApiKey[]>;
  /** False where there is no such key, or it was revoked before. */
  revoke(id: number): Promise<boolean>;
  /** The key that `secret` is; throws `unauthorized` for one that is unknown, revoked or expired. */
  verify(secret: string): Promise<ApiKey>;
  /** Writes down when keys were last used. */
  flush(): Promise<void>;
}

/**
 * How long a verified key is believed without asking the store. A key revoked through this process stops at once; one
 * revoked by another process (the command line) within this time.
 */
const beliefMs = 1_000;
const secretBytes = 32;
const prefixLength = 10;

export function createApiKeys(parts: { rows: ApiKeyRows; runtime: Runtime }): ApiKeys {
  const { rows, runtime } = parts;
  const verified = new LRUCache<string, ApiKey>({
    max: 10_000,
    ttl: beliefMs,
    ttlResolution: 0,
    perf: { now: runtime.now },
  });
  const usedAt = new Map<number, number>();

  return {
    async create(key) {
      const secret = `pk_${runtime.token(secretBytes)}`;
      const id = await rows.create({
        ...key,
        scopes: key.scopes.join(','),
        prefix: secret.slice(0, prefixLength),
        hash: hashOf(secret),
        createdAt: runtime.now(),
      });
      return { id, secret };
    },
    list: async () => (await rows.list()).map(apiKeyOf),
    async revoke(id) {
      const revoked = await rows.revoke(id, runtime.now());
      verified.clear();
      return revoked;
    },
    async verify(secret) {
      const digest = hashOf(secret);
      let key = verified.get(digest);
      if (key === undefined) {
        const row = await rows.findByHash(digest);
        if (row === undefined) throw refusal('is not known');
        key = apiKeyOf(row);
        if (key.revokedAt !== null) throw refusal('was revoked');
        verified.set(digest, key);
      }
      const now = runtime.now();
      if (key.expiresAt !== null && key.expiresAt <= now) throw refusal('has expired');
      usedAt.set(key.id, now);
      return key;
    },
    async flush() {
      const used = [...usedAt];
      usedAt.clear();
      await Promise.all(used.map(([id, at]) => rows.touch(id, at)));
    },
  };
}

function hashOf(secret: string): string {
  return hash('sha256', secret, 'hex');
}

function apiKeyOf({ hash: _, ...row }: ApiKeyRow): ApiKey {
  return { ...row, scopes: row.scopes.split(',').filter(Boolean) as Scope[] };
}

function refusal(what: string): ParleyError {
  return new ParleyError('unauthorized', `The API key ${what}.`);
}
