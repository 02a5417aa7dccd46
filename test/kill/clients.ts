import assert from 'node:assert/strict';
import { runChatClient, runDeletingClient, runStreamClient } from './assistant-clients.ts';
import { runCompanionClient } from './companion-clients.ts';
import { runLoginClient } from './login-client.ts';
import { runRelayClient } from './relay-client.ts';
import { runAssistantSockets, runCompanionSockets } from './socket-clients.ts';
import { runStatelessClient } from './stateless-clients.ts';
import { runGatewaySocketClient } from './stateless-sockets.ts';
import { runStudioClient, runStudioStreams } from './studio-clients.ts';
import { runStudioRemovals } from './studio-removals.ts';
import type { Person, World } from './world.ts';

/** Who lives in the world, each by what they do. */
export const clientNames = [
  'asker1',
  'asker2',
  'asker3',
  'listener1',
  'listener2',
  'deleter',
  'companion1',
  'companion2',
  'talker1',
  'talker2',
  'chatter1',
  'chatter2',
  'sender1',
  'sender2',
  'hearer1',
  'remover1',
  'relayer1',
];

/** Everybody asks until the world runs no more; who is not done yet is in `busy`. */
export function runClients(world: World, people: Person[], busy: Set<string>): Promise<void>[] {
  const named = async (name: string, client: Promise<void>) => {
    busy.add(name);
    await client;
    busy.delete(name);
  };
  const run: Record<string, (world: World, person: Person) => Promise<void>> = {
    asker: runChatClient,
    listener: runStreamClient,
    deleter: runDeletingClient,
    companion: runCompanionClient,
    talker: runAssistantSockets,
    chatter: runCompanionSockets,
    sender: runStudioClient,
    hearer: runStudioStreams,
    remover: runStudioRemovals,
    relayer: runRelayClient,
  };
  return [
    ...people.map((person) => {
      const client = run[person.name.replace(/\d$/u, '')];
      assert.ok(client !== undefined, person.name);
      return named(person.name, client({ ...world, chance: world.chance.branch(person.name) }, person));
    }),
    named('gateway', runStatelessClient({ ...world, chance: world.chance.branch('gateway') }, 'gateway')),
    named('openai', runStatelessClient({ ...world, chance: world.chance.branch('openai') }, 'openai')),
    named(
      'gateway socket',
      runGatewaySocketClient({ ...world, chance: world.chance.branch('gateway socket') }),
    ),
    named('login', runLoginClient({ ...world, chance: world.chance.branch('login') })),
  ];
}
