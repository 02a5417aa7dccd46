import assert from 'node:assert/strict';
import { bearer, makeAccount, tokenOf, type LoginContract } from '../support/accounts.ts';
import { eventually } from '../support/eventually.ts';
import { send } from '../support/gateway.ts';
import type { Parley } from '../support/parley.ts';
import type { ScriptedVendor } from '../support/vendor.ts';
import type { Target } from './entry.ts';
import { ask, callerNamed, question } from './asking.ts';

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

export async function makeVictim(parley: Parley, vendor: ScriptedVendor): Promise<Victim> {
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
        seen.push(JSON.stringify([messages, await turns.activeIn(Number(id))]));
      }
      return seen.join('\n');
    },
    exchange: () => ask(parley, 'victim', `${word} once more`, 'assistant'),
  };
}
