import type { ApiKey, ApiKeys } from '../core/identity/api-keys.ts';
import { budgetText } from '../core/money/budget.ts';
import { keyIdOf, newKeyOf, type KeyOptions } from './key-options.ts';
import { shownTime } from './shown-time.ts';
import type { Terminal } from './terminal.ts';
import { textTable } from './text-table.ts';

/** What the key commands work with. */
export interface KeyCommandParts {
  apiKeys: ApiKeys;
  terminal: Terminal;
  /** Wall clock, milliseconds since the epoch. */
  now: number;
}

/** Makes a key and prints it: the key on standard output, what to know about it on standard error. */
export async function createKey(parts: KeyCommandParts, options: KeyOptions): Promise<number> {
  const key = newKeyOf(options, parts.now);
  const { id, secret } = await parts.apiKeys.create(key, 'command line');
  parts.terminal.out(`${secret}\n`);
  parts.terminal.err(`Key ${id} for "${key.name}". It is shown this once only: keep it.\n`);
  return 0;
}

/** Prints all keys, the newest first; never a key itself. */
export async function listKeys({ apiKeys, terminal, now }: KeyCommandParts): Promise<number> {
  const keys = await apiKeys.list();
  if (keys.length === 0) {
    terminal.err('There are no API keys. Make one with: npm run parley -- keys create --name NAME\n');
    return 0;
  }
  const headings = [
    'ID',
    'NAME',
    'KEY',
    'SCOPES',
    'RATE',
    'BUDGET',
    'STATE',
    'CREATED',
    'EXPIRES',
    'LAST USED',
  ];
  terminal.out(textTable([headings, ...keys.map((key) => rowOf(key, now))]));
  return 0;
}

/** Revokes the key whose id `text` is; 1 where there is none that could be revoked. Throws `UsageError`. */
export async function revokeKey({ apiKeys, terminal }: KeyCommandParts, text: string): Promise<number> {
  const id = keyIdOf(text);
  if (await apiKeys.revoke(id, 'command line')) {
    terminal.out(`Key ${id} is revoked. A running server stops taking it within a second.\n`);
    return 0;
  }
  terminal.err(`There is no key ${id}, or it was revoked before.\n`);
  return 1;
}

function rowOf(key: ApiKey, now: number): string[] {
  return [
    String(key.id),
    key.name,
    `${key.prefix}…`,
    key.scopes.join(','),
    key.requestsPerMinute === null ? '-' : `${key.requestsPerMinute}/min`,
    key.budget === null ? '-' : `${budgetText(key.budget)}/month`,
    stateOf(key, now),
    shownTime(key.createdAt),
    shownTime(key.expiresAt),
    shownTime(key.lastUsedAt),
  ];
}

function stateOf({ revokedAt, expiresAt }: ApiKey, now: number): string {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt <= now ? 'expired' : 'valid';
}
