import assert from 'node:assert/strict';
import type { UserCaller } from '../../src/core/identity/caller.ts';
import { bearer, makeAccount, tokenOf, type LoginContract } from '../support/accounts.ts';
import { makeCallers, type CallerName, type Callers } from '../support/callers.ts';
import { eventually } from '../support/eventually.ts';
import { send } from '../support/gateway.ts';
import { startParley, type Parley } from '../support/parley.ts';
import { startScriptedVendor, type ScriptedVendor } from '../support/vendor.ts';
import type { NamedObject, Target } from './entry.ts';
import { createSecrets, type Secrets } from './secrets.ts';

/** A server with everybody in it, and one more, whose things are not theirs. */
export interface World {
  parley: Parley;
  vendor: ScriptedVendor;
  callers: Record<LoginContract, Callers>;
  victim: Victim;
  secrets: Secrets;
  /** Something new of the caller's; of a caller who can have nothing, somebody's. */
  own(kind: NamedObject['kind'], name: CallerName): Promise<Target>;
  /** What a caller's chat of the companion says is `wordsOf` the caller. */
  beginChat(name: CallerName): Promise<Target>;
  forgetChats(name: CallerName): Promise<void>;
  /** What is the victim's. */
  others(kind: NamedObject['kind']): Promise<Target>;
  /** What was never there, and what is not there any more. */
  missing(kind: NamedObject['kind']): Promise<Target[]>;
  /** The messages of a conversation of the caller's. */
  messagesIn(name: CallerName, conversationId: number): Promise<number>;
  close(): Promise<void>;
}

/** Somebody with a session and a chat, in both of which an answer is being made as long as the world stands. */
export interface Victim {
  headers: Record<string, string>;
  /** In every text of the victim's. */
  word: string;
  session: Target;
  chat: Target;
  /** All that can be seen of both. */
  look(): Promise<string>;
  /** A new session with a whole exchange. */
  exchange(): Promise<Target>;
}

/** In every text of a caller’s. */
export const wordsOf = (name: CallerName) => `the own words of ${name}`;

const never = { id: 987_654_321, turnId: 987_654_321 };
const unguessed = 'AAAAAAAAAAAAAAAAAAAAAA';

/** The gateway is closed in it. */
export async function makeWorld(): Promise<World> {
  const vendor = await startScriptedVendor();
  const parley = await startParley({
    openAi: vendor.url,
    env: { PARLEY_OPEN_GATEWAY: 'false', PARLEY_DEFAULT_MODEL: 'parley-local', PARLEY_LOG_LEVEL: 'trace' },
  });
  const callers = await makeCallers(parley);
  const victim = await makeVictim(parley, vendor);
  const secrets = createSecrets();
  for (const known of Object.values(callers)) secrets.addCallers(known);
  secrets.addCallers({ victim: victim.headers } as unknown as Callers);
  secrets.add('what the victim said', victim.word);
  secrets.add('what callers said', 'the own words of');
  const removed = await removedSession(parley, victim);
  const { conversations } = parley.app.core;

  const named = async (kind: NamedObject['kind'], name: string, { id, turnId }: Target): Promise<Target> => {
    if (kind !== 'session key') return { id, turnId };
    const { key } = await conversations.get(await callerNamed(parley, name), Number(id));
    secrets.add('the key of a session', key);
    return { id: `sess_${key}`, turnId };
  };
  const makeKey = async (): Promise<Target> => {
    const key = await parley.app.core.apiKeys.create({
      name: 'target',
      scopes: ['completions'],
      expiresAt: null,
      requestsPerMinute: null,
    });
    secrets.add('an API key', key.secret);
    return { id: key.id, turnId: 0 };
  };

  return {
    parley,
    vendor,
    callers,
    victim,
    secrets,
    ...thingsOf(parley),
    async own(kind, name) {
      if (kind === 'API key') return makeKey();
      const who = ownerOf(name);
      return named(kind, who, await ask(parley, who, wordsOf(who), 'assistant'));
    },
    others: (kind) => (kind === 'API key' ? makeKey() : named(kind, 'victim', victim.session)),
    async missing(kind) {
      if (kind !== 'session key') return kind === 'API key' ? [never] : [never, removed];
      return [`sess_${unguessed}`, `sess_${removed.key}`, `sess_${victim.session.id}`].map((id) => ({
        id,
        turnId: 0,
      }));
    },
    async close() {
      await parley.close();
      await vendor.close();
    },
  };
}

function thingsOf(parley: Parley): Pick<World, 'beginChat' | 'forgetChats' | 'messagesIn'> {
  const { conversations } = parley.app.core;
  return {
    beginChat: (name) => ask(parley, ownerOf(name), wordsOf(ownerOf(name)), 'companion'),
    async forgetChats(name) {
      const caller = await callerNamed(parley, ownerOf(name));
      const all = await conversations.list(caller, { skip: 0, limit: 1000 });
      for (const { id, channel } of all) if (channel === 'companion') await conversations.remove(caller, id);
    },
    async messagesIn(name, conversationId) {
      const caller = await callerNamed(parley, ownerOf(name));
      return (await conversations.get(caller, conversationId)).messageCount;
    },
  };
}

/** Whose things are shown by one who can have none, or whose token says that it is somebody's. */
function ownerOf(name: CallerName): Exclude<CallerName, 'nobody' | 'key' | 'keyWithoutScope' | 'forged'> {
  if (name === 'forged') return 'administrator';
  return name === 'nobody' || name === 'key' || name === 'keyWithoutScope' ? 'user' : name;
}

async function callerNamed({ app }: Parley, name: string): Promise<UserCaller> {
  const account = await app.core.accounts.find(`${name}@example.com`);
  assert.ok(account !== undefined, name);
  const { id, role } = account;
  return { kind: 'user', ip: '127.0.0.1', userId: id, loginId: 0, contract: 'assistant', role };
}

/** A whole exchange, past all doors: some who have things may not come in any more. */
async function ask(parley: Parley, name: string, text: string, contract: LoginContract): Promise<Target> {
  const { turns } = parley.app.core;
  const caller = await callerNamed(parley, name);
  const { conversationId, turnId } = await turns.ask(caller, question(text, contract));
  assert.ok(turnId !== null);
  await turns.result(caller, turnId, AbortSignal.timeout(10_000));
  return { id: conversationId, turnId };
}

function question(text: string, contract: LoginContract) {
  const kind = contract === 'assistant' ? 'new' : 'current';
  return { contract, endpoint: 'matrix', requestId: 'matrix', place: { kind }, text } as const;
}

async function makeVictim(parley: Parley, vendor: ScriptedVendor): Promise<Victim> {
  await makeAccount(parley, 'victim');
  const caller = await callerNamed(parley, 'victim');
  const headers = bearer(await tokenOf(parley, 'victim'));
  const word = 'quincunx';
  const { turns, conversations } = parley.app.core;
  const session = await ask(parley, 'victim', `${word} in a session`, 'assistant');
  const chat = await ask(parley, 'victim', `${word} in a chat`, 'companion');
  await conversations.rate(caller, Number(session.id), { score: 5, comment: word });
  const read = async (path: string) =>
    (await send(`${parley.url}/api/v1${path}`, 'GET', undefined, headers)).text();
  const begin = async ({ id }: Target, contract: LoginContract): Promise<Target> => {
    const place = { kind: 'existing', id: Number(id) } as const;
    const { turnId } = await turns.ask(caller, {
      ...question(`${word} again`, contract),
      place,
      model: 'gpt-4o-mini',
    });
    assert.ok(turnId !== null);
    await (await vendor.next()).delta(`${word} so far`);
    await eventually(
      async () => (await read(`/chat/sessions/${id}/messages`)).includes('so far') || undefined,
    );
    return { id, turnId };
  };
  const running = { session: await begin(session, 'assistant'), chat: await begin(chat, 'companion') };
  return {
    headers,
    word,
    ...running,
    async look() {
      const seen = [await read('/stats/chat').then((text) => /"satisfactionRate":[^,}]*/u.exec(text)?.[0])];
      for (const { id } of Object.values(running)) {
        seen.push(await read(`/chat/sessions/${id}`), await read(`/chat/sessions/${id}/messages`));
        const messages = await conversations.messages(caller, Number(id), { skip: 0, limit: 100 });
        seen.push(JSON.stringify([messages, turns.activeIn(Number(id))]));
      }
      return seen.join('\n');
    },
    exchange: () => ask(parley, 'victim', `${word} once more`, 'assistant'),
  };
}

async function removedSession(parley: Parley, victim: Victim): Promise<Target & { key: string }> {
  const { conversations } = parley.app.core;
  const session = await victim.exchange();
  const caller = await callerNamed(parley, 'victim');
  const { key } = await conversations.get(caller, Number(session.id));
  await conversations.remove(caller, Number(session.id));
  return { ...session, key };
}
