import type { UserCaller } from '../../src/core/identity/caller.ts';
import { bearer, forge, makeAccount, tokenOf, type LoginContract } from './accounts.ts';
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
  'demoted',
  'revoked',
  'expired',
  'forged',
  'keyWithoutScope',
  'key',
  'adminKey',
] as const;
export type CallerName = (typeof callerNames)[number];

/** The headers by which each is known. */
export type Callers = Record<CallerName, Record<string, string>>;

/** Longer than any access token lives. */
const agesMs = 366 * 24 * 60 * 60 * 1000;

/** Those who are logged in, and the roles of their accounts, which are named after them. */
const people = { user: 'user', anotherUser: 'user', agent: 'agent', administrator: 'admin' } as const;
const names = Object.keys(people) as (keyof typeof people)[];

/** Makes all callers, by the contract that they logged in through. Moves the clock of `parley` ahead, so that one of them is late. */
export async function makeCallers(parley: Parley): Promise<Record<LoginContract, Callers>> {
  const { accounts, administration } = parley.app.core;
  await makeAccount(parley, 'expired');
  const expired = await byContract((contract) => tokenOf(parley, 'expired', contract));
  parley.advance(agesMs);
  for (const name of names) await makeAccount(parley, name, people[name]);
  await makeAccount(parley, 'revoked');
  const { id } = await makeAccount(parley, 'disabled');
  const former = await makeAccount(parley, 'demoted', 'agent');
  const keys = {
    keyWithoutScope: { 'x-api-key': await parley.key({ scopes: [] }) },
    key: { 'x-api-key': await parley.key({ scopes: ['completions', 'cache'] }) },
    adminKey: { 'x-api-key': await parley.key({ scopes: ['admin'] }) },
  };
  const callers = await byContract(async (contract): Promise<Callers> => {
    const loggedIn = await logInAnew(parley, contract);
    return {
      ...keys,
      ...loggedIn,
      nobody: {},
      disabled: bearer(await tokenOf(parley, 'disabled', contract)),
      demoted: bearer(await tokenOf(parley, 'demoted', contract)),
      revoked: bearer(await tokenOf(parley, 'revoked', contract)),
      expired: bearer(expired[contract]),
      forged: bearer(forge(loggedIn.administrator.authorization.slice('Bearer '.length))),
    };
  });
  await accounts.setStatus(id, 'disabled');
  await administration.update(await adminCaller(parley), former.id, { role: 'user' });
  for (const { revoked } of Object.values(callers)) {
    await send(`${parley.url}/api/v1/logout`, 'POST', undefined, revoked);
  }
  return callers;
}

async function byContract<T>(
  make: (contract: LoginContract) => Promise<T>,
): Promise<Record<LoginContract, T>> {
  return {
    assistant: await make('assistant'),
    companion: await make('companion'),
    helpdesk: await make('helpdesk'),
    studio: await make('studio'),
  };
}

/** The administrator among the callers, as core sees one. */
async function adminCaller({ app }: Parley): Promise<UserCaller> {
  const account = await app.core.accounts.find('administrator@example.com');
  const userId = account?.id ?? 0;
  return { kind: 'user', ip: '', userId, loginId: 0, contract: 'helpdesk', role: 'admin' };
}

/** New logins of the people among the callers. */
export async function logInAnew(parley: Parley, contract: LoginContract = 'assistant') {
  const logins = names.map(async (name) => [name, bearer(await tokenOf(parley, name, contract))] as const);
  return Object.fromEntries(await Promise.all(logins)) as Record<
    keyof typeof people,
    { authorization: string }
  >;
}
