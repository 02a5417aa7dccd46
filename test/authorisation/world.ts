import type { StaffCaller } from '../../src/core/identity/caller.ts';
import { type LoginContract } from '../support/accounts.ts';
import { makeCallers, type CallerName, type Callers } from '../support/callers.ts';
import { startParley, type Parley } from '../support/parley.ts';
import { startScriptedVendor, type ScriptedVendor } from '../support/vendor.ts';
import { ask, askAsGuest, callerNamed } from './asking.ts';
import type { NamedObject, Target } from './entry.ts';
import { createThings, isKept } from './kept.ts';
import { createSecrets, type Secrets } from './secrets.ts';
import { makeVictim, type Victim } from './victim.ts';

type Kind = NamedObject['kind'];

/** A server with everybody in it, and one more, whose things are not theirs. */
export interface World {
  parley: Parley;
  vendor: ScriptedVendor;
  callers: Record<LoginContract, Callers>;
  victim: Victim;
  secrets: Secrets;
  /** Something new of the caller's; of a caller who can have nothing, somebody's. */
  own(kind: Kind, name: CallerName): Promise<Target>;
  /** What a caller's chat of the companion says is `wordsOf` the caller. */
  beginChat(name: CallerName): Promise<Target>;
  forgetChats(name: CallerName): Promise<void>;
  /** What is the victim's: what is looked at, or something new. */
  others(kind: Kind, isNew?: boolean): Promise<Target>;
  /** What was never there, and what is not there any more. */
  missing(kind: Kind): Promise<Target[]>;
  /** The messages of a conversation. */
  messagesIn(conversationId: number): Promise<number>;
  close(): Promise<void>;
}

/** In every text of a caller’s. */
export const wordsOf = (name: string) => `the own words of ${name}`;

const never = { id: 987_654_321, turnId: 987_654_321 };
const unguessed = 'AAAAAAAAAAAAAAAAAAAAAA';

/** The gateway is closed in it. */
export async function makeWorld(): Promise<World> {
  const vendor = await startScriptedVendor();
  const parley = await startParley({
    openAi: vendor.url,
    env: { PARLEY_OPEN_GATEWAY: 'false', PARLEY_DEFAULT_MODEL: 'parley-local', PARLEY_LOG_LEVEL: 'trace' },
    yaml: { webhooks: { allow_http: true, allow_private_addresses: '127.0.0.1' } },
  });
  const callers = await makeCallers(parley);
  const victim = await makeVictim(parley, vendor);
  const secrets = createSecrets();
  for (const known of Object.values(callers)) secrets.addCallers(known);
  secrets.addCallers({ victim: victim.headers } as unknown as Callers);
  secrets.add('what the victim said', victim.word);
  secrets.add('what callers said', 'the own words of');
  secrets.add('what callers said, in an address', encodeURIComponent('the own words of'));
  return {
    parley,
    vendor,
    callers,
    victim,
    secrets,
    ...chatsOf(parley),
    ...(await namedOf(parley, victim, secrets)),
    async close() {
      await parley.close();
      await vendor.close();
    },
  };
}

type Named = Pick<World, 'own' | 'others' | 'missing' | 'messagesIn'>;

async function namedOf(parley: Parley, victim: Victim, secrets: Secrets): Promise<Named> {
  const { conversations, desk } = parley.app.core;
  const administrator = (await callerNamed(parley, 'administrator')) as StaffCaller;
  const things = createThings(parley, administrator, secrets);
  const removed = await removedSession(parley, victim);
  const named = async (kind: Kind, name: string, session: Target): Promise<Target> => {
    const target = { ...session, conversationId: Number(session.id) };
    if (kind !== 'session key' && kind !== 'guest session') return target;
    const { key } = await conversations.get(await callerNamed(parley, name), Number(session.id));
    secrets.add('the key of a session', key);
    return { ...target, id: `sess_${key}` };
  };
  return {
    async own(kind, name) {
      if (isKept(kind)) return things.existing(kind);
      const who = ownerOf(name);
      if (kind !== 'guest session')
        return named(kind, who, await ask(parley, who, wordsOf(who), 'assistant'));
      const session = await askAsGuest(parley, wordsOf(who));
      secrets.add('the key of a guest’s session', String(session.id));
      return session;
    },
    async others(kind, isNew = false) {
      if (isKept(kind)) return things.existing(kind);
      return named(kind, 'victim', isNew ? await victim.exchange() : victim.session);
    },
    async missing(kind) {
      if (isKept(kind)) return things.missing(kind);
      if (kind !== 'session key' && kind !== 'guest session') return [never, removed];
      return [unguessed, removed.key, victim.session.id].map((id) => ({ id: `sess_${id}`, turnId: 0 }));
    },
    async messagesIn(conversationId) {
      return (await desk.get(administrator, conversationId)).messageCount;
    },
  };
}

function chatsOf(parley: Parley): Pick<World, 'beginChat' | 'forgetChats'> {
  const { conversations } = parley.app.core;
  return {
    beginChat: (name) => ask(parley, ownerOf(name), wordsOf(ownerOf(name)), 'companion'),
    async forgetChats(name) {
      const caller = await callerNamed(parley, ownerOf(name));
      const all = await conversations.list(caller, { skip: 0, limit: 1000 });
      for (const { id, channel } of all) if (channel === 'companion') await conversations.remove(caller, id);
    },
  };
}

/** Whose things are shown by one who can have none, or whose token says that it is somebody's. */
function ownerOf(name: CallerName): string {
  if (name === 'forged') return 'administrator';
  return ['nobody', 'keyWithoutScope', 'key', 'adminKey'].includes(name) ? 'user' : name;
}

async function removedSession(parley: Parley, victim: Victim): Promise<Target & { key: string }> {
  const { conversations } = parley.app.core;
  const session = await victim.exchange();
  const caller = await callerNamed(parley, 'victim');
  const { key } = await conversations.get(caller, Number(session.id));
  await conversations.remove(caller, Number(session.id));
  return { ...session, key };
}
