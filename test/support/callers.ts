import { bearer, forge, makeAccount, tokenOf } from './accounts.ts';
import { send } from './gateway.ts';
import type { Parley } from './parley.ts';

/** Everybody who may come to a door. */
export const callerNames = [
  'nobody',
  'user',
  'anotherUser',
  'agent',
  'administrator',
  'disabled',
  'revoked',
  'expired',
  'forged',
  'keyWithoutScope',
  'key',
] as const;
export type CallerName = (typeof callerNames)[number];

/** The headers by which each is known. */
export type Callers = Record<CallerName, Record<string, string>>;

/** Longer than any access token lives. */
const agesMs = 366 * 24 * 60 * 60 * 1000;

/** Those who are logged in, and the roles of their accounts, which are named after them. */
const people = { user: 'user', anotherUser: 'user', agent: 'agent', administrator: 'admin' } as const;
const names = Object.keys(people) as (keyof typeof people)[];

/** Makes all callers. Moves the clock of `parley` ahead, so that one of them is late. */
export async function makeCallers(parley: Parley): Promise<Callers> {
  const { accounts } = parley.app.core;
  await makeAccount(parley, 'expired');
  const expired = await tokenOf(parley, 'expired');
  parley.advance(agesMs);
  for (const name of names) await makeAccount(parley, name, people[name]);
  await makeAccount(parley, 'revoked');
  const { id } = await makeAccount(parley, 'disabled');
  const loggedIn = await logInAnew(parley);
  const callers: Callers = {
    ...loggedIn,
    nobody: {},
    disabled: bearer(await tokenOf(parley, 'disabled')),
    revoked: bearer(await tokenOf(parley, 'revoked')),
    expired: bearer(expired),
    forged: bearer(forge(loggedIn.administrator.authorization.slice('Bearer '.length))),
    keyWithoutScope: { 'x-api-key': await parley.key({ scopes: [] }) },
    key: { 'x-api-key': await parley.key({ scopes: ['completions', 'cache'] }) },
  };
  await accounts.setStatus(id, 'disabled');
  await send(`${parley.url}/api/v1/logout`, 'POST', undefined, callers.revoked);
  return callers;
}

/** New logins of the people among the callers. */
export async function logInAnew(parley: Parley) {
  const logins = names.map(async (name) => [name, bearer(await tokenOf(parley, name))] as const);
  return Object.fromEntries(await Promise.all(logins)) as Record<
    keyof typeof people,
    { authorization: string }
  >;
}
