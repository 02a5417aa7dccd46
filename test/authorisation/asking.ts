import assert from 'node:assert/strict';
import type { UserCaller } from '../../src/core/identity/caller.ts';
import type { LoginContract } from '../support/accounts.ts';
import type { Parley } from '../support/parley.ts';
import type { Target } from './entry.ts';

/** The account of that name, as core sees who is logged in to it. */
export async function callerNamed({ app }: Parley, name: string): Promise<UserCaller> {
  const account = await app.core.accounts.find(`${name}@example.com`);
  assert.ok(account !== undefined, name);
  const { id, role } = account;
  return { kind: 'user', ip: '127.0.0.1', userId: id, loginId: 0, contract: 'assistant', role };
}

/** A whole exchange, past all doors: some who have things may not come in any more. */
export async function ask(
  parley: Parley,
  name: string,
  text: string,
  contract: LoginContract,
): Promise<Target> {
  const { turns } = parley.app.core;
  const caller = await callerNamed(parley, name);
  const { conversationId, turnId } = await turns.ask(caller, question(text, contract));
  assert.ok(turnId !== null);
  await turns.result(caller, turnId, AbortSignal.timeout(10_000));
  return { id: conversationId, turnId };
}

/** The same by a guest, in a session of its own. */
export async function askAsGuest(parley: Parley, text: string): Promise<Target> {
  const { turns, conversations } = parley.app.core;
  const { id, key } = await conversations.begin({ kind: 'anonymous', ip: '' }, { contract: 'helpdesk' });
  const guest = await conversations.asGuest('127.0.0.1', key);
  assert.ok(guest !== undefined);
  const place = { kind: 'existing', id } as const;
  const { turnId } = await turns.ask(guest, { ...question(text, 'helpdesk'), place });
  assert.ok(turnId !== null);
  await turns.result(guest, turnId, AbortSignal.timeout(10_000));
  return { id: `sess_${key}`, turnId, conversationId: id };
}

export function question(text: string, contract: LoginContract) {
  const kind = contract === 'assistant' ? 'new' : 'current';
  return { contract, endpoint: 'matrix', requestId: 'matrix', place: { kind }, text } as const;
}
