import { refusal } from '../config/config-error.ts';
import { choice, date, duration, listOf, wholeNumber } from '../config/kinds.ts';
import type { NewApiKey } from '../core/identity/api-keys.ts';
import { scopes, type Scope } from '../core/identity/caller.ts';
import { budgetAllowed, parseBudget } from '../core/money/budget.ts';
import { UsageError } from './usage-error.ts';

/** What `keys create` was given, as text. */
export interface KeyOptions {
  name?: string | undefined;
  scopes?: string | undefined;
  rate?: string | undefined;
  expires?: string | undefined;
  budget?: string | undefined;
}

const dayMs = 86_400_000;
const nameAllowed = '1 to 100 characters';
const scopesAllowed = `a list of ${scopes.join(', ')}, separated by commas`;
const expiryAllowed =
  'a duration such as 30d or 12h, or a time to come such as 2030-01-31 or 2030-01-31T12:00:00Z';
const scopeList = listOf(choice(scopes));
const requestsPerMinute = wholeNumber(1, 1_000_000_000);
const keyId = wholeNumber(1, Number.MAX_SAFE_INTEGER);
const lifetime = duration(1000, 3650 * dayMs);

/** The key that the options describe. `now` is milliseconds since the epoch. Throws `UsageError`. */
export function newKeyOf(options: KeyOptions, now: number): NewApiKey {
  const { name, scopes: scopeNames, rate, expires, budget } = options;
  if (name === undefined) throw new UsageError(`--name is missing: must be ${nameAllowed}`);
  return {
    name: nameOf(name),
    scopes: scopeNames === undefined ? ['completions'] : scopesOf(scopeNames),
    requestsPerMinute:
      rate === undefined
        ? null
        : required(requestsPerMinute.parse(rate), '--rate', rate, requestsPerMinute.allowed),
    expiresAt: expires === undefined ? null : expiryOf(expires, now),
    budget: budget === undefined ? null : required(parseBudget(budget), '--budget', budget, budgetAllowed),
  };
}

/** The id of a key. Throws `UsageError`. */
export function keyIdOf(text: string): number {
  return required(keyId.parse(text), 'the id', text, 'a number that "keys list" shows');
}

/** Without control characters: a list of keys is shown in terminals. */
function nameOf(text: string): string {
  const name = text.trim();
  const fits = /^\P{Cc}{1,100}$/u.test(name);
  return required(fits ? name : undefined, '--name', text, nameAllowed);
}

function scopesOf(text: string): Scope[] {
  const found = [...new Set(scopeList.parse(text))];
  return required(found.length > 0 ? found : undefined, '--scopes', text, scopesAllowed);
}

/** So long from now, or the beginning of a day in UTC, or an instant. */
function expiryOf(text: string, now: number): number {
  const lifetimeMs = lifetime.parse(text);
  if (lifetimeMs !== undefined) return now + lifetimeMs;
  const day = date.parse(text.slice(0, 10));
  const wellFormed = day !== undefined && /^(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/.test(text.slice(10));
  const at = wellFormed ? Date.parse(text) : NaN;
  return required(at > now ? at : undefined, '--expires', text, expiryAllowed);
}

function required<T>(value: T | undefined, place: string, text: string, allowed: string): T {
  if (value === undefined) throw new UsageError(refusal(place, text, allowed).message);
  return value;
}
