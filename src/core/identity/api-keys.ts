import { hash } from 'node:crypto';
import type { ApiKeyRow, ApiKeys as ApiKeyRows, NewApiKeyRow } from '../../storage/api-keys.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import { auditEntry, type Actor } from '../audit.ts';
import { ParleyError } from '../errors.ts';
import type { Idempotency, IdempotentWrites } from '../idempotency.ts';
import { writeBudget, type Budget } from '../money/budget.ts';
import type { Everywhere } from '../realtime/everywhere.ts';
import type { Runtime } from '../runtime.ts';
import { createBeliefs } from './beliefs.ts';
import { ownerOfActor, type Scope } from './caller.ts';

export interface NewApiKey {
  name: string;
  scopes: Scope[];
  /** Milliseconds since the epoch; null for a key that does not expire. */
  expiresAt: number | null;
  /** The key's own limit, which replaces the limit per address; null for none. */
  requestsPerMinute: number | null;
  /** What may be spent in a month on calls to models; null where the configuration says. */
  budget?: Budget | null | undefined;
}

/** A key as lists show it: never the key itself, only how it begins. */
export interface ApiKey extends NewApiKey {
  id: number;
  prefix: string;
  budget: Budget | null;
  createdAt: number;
  revokedAt: number | null;
  lastUsedAt: number | null;
}

export interface ApiKeys {
  /**
   * Makes a key. This is the only time that `secret` (`pk_…`) is known: a repeat makes no other key and cannot show it again, so it
   * throws `conflict`, naming the key that was made.
   */
  create(key: NewApiKey, actor?: Actor, idempotency?: Idempotency): Promise<{ id: number; secret: string }>;
  list(): Promise<ApiKey[]>;
  /** False where there is no such key, or it was revoked before. */
  revoke(id: number, actor?: Actor, idempotency?: Idempotency): Promise<boolean>;
  /** The key that `secret` is; throws `unauthorized` for one that is unknown, revoked or expired. */
  verify(secret: string): Promise<ApiKey>;
  /** Writes down when keys were last used. */
  flush(): Promise<void>;
}

/**
 * How long a verified key is believed without asking the store. A key revoked through this process stops at once, through another node as soon
 * as this one is told; one revoked by another process (the command line) within this time.
 */
const beliefMs = 1_000;
const secretBytes = 32;
const prefixLength = 10;

export interface ApiKeysParts {
  rows: ApiKeyRows;
  idempotency: Pick<IdempotentWrites, 'once'>;
  runtime: Runtime;
  /** Left out where no other node is to be told. */
  bus?: Everywhere | undefined;
  /** To be told when there is a new key. */
  onCreated?: (() => void) | undefined;
}

export function createApiKeys(parts: ApiKeysParts): ApiKeys {
  const { rows, idempotency: writes, runtime, onCreated } = parts;
  const beliefs = createBeliefs<string, ApiKey>({
    topic: 'api-keys',
    bus: parts.bus,
    lastMs: beliefMs,
    runtime,
  });
  const usedAt = new Map<number, number>();

  return {
    async create(key, actor = 'Parley', idempotency) {
      const secret = `pk_${runtime.token(secretBytes)}`;
      const at = runtime.now();
      const row = newRow(key, secret, at);
      const audit = auditEntry(actor, at, 'api_key.create', { type: 'api_key', id: null }, toldOf(key));
      const id = await writes.once(
        ownerOfActor(actor),
        idempotency,
        row.hash,
        (claim) => rows.create(row, claim, audit),
        async (digest) => {
          throw shownOnce(await rows.findByHash(digest as string));
        },
      );
      onCreated?.();
      return { id, secret };
    },
    list: async () => (await rows.list()).map(apiKeyOf),
    async revoke(id, actor = 'Parley', idempotency) {
      const write = async (claim: Claim | undefined) => {
        const at = runtime.now();
        const audit = auditEntry(actor, at, 'api_key.revoke', { type: 'api_key', id });
        const revoked = await rows.revoke(id, at, claim, audit);
        beliefs.forget();
        return revoked;
      };
      return writes.once(ownerOfActor(actor), idempotency, null, write, () => Promise.resolve(true));
    },
    async verify(secret) {
      const digest = hashOf(secret);
      const key = await beliefs.of(digest, async () => {
        const row = await rows.findByHash(digest);
        if (row === undefined) throw refusal('is not known');
        if (row.revokedAt !== null) throw refusal('was revoked');
        return apiKeyOf(row);
      });
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

function newRow(key: NewApiKey, secret: string, createdAt: number): NewApiKeyRow {
  const prefix = secret.slice(0, prefixLength);
  return {
    ...key,
    budget: key.budget ?? null,
    scopes: key.scopes.join(','),
    prefix,
    hash: hashOf(secret),
    createdAt,
  };
}

/** What the audit log says of a new key. */
function toldOf({ name, scopes, budget }: NewApiKey) {
  return { name, scopes, ...(budget && { budget: writeBudget(budget) }) };
}

function shownOnce(made: ApiKeyRow | undefined): ParleyError {
  const field = 'Idempotency-Key';
  const which = made === undefined ? 'the API key' : `API key ${made.id} (${made.prefix}…)`;
  const text = `${field}: ${which} was made by this request before, and its secret was shown then only. If the answer was lost, revoke it and make another under a new key.`;
  const facts = made && { api_key_id: made.id };
  return new ParleyError('conflict', text, { field, ...(facts && { facts }) });
}

function hashOf(secret: string): string {
  return hash('sha256', secret, 'hex');
}

function apiKeyOf({ hash: _, ...row }: ApiKeyRow): ApiKey {
  return {
    ...row,
    scopes: row.scopes.split(',').filter(Boolean) as Scope[],
    budget: row.budget as Budget | null,
  };
}

function refusal(what: string): ParleyError {
  return new ParleyError('unauthorized', `The API key ${what}.`);
}
