import type { Chance } from '../support/chance.ts';
import type { MortalServer } from '../support/mortal-server.ts';
import type { Lane, Scene } from './scene.ts';

/** What can go wrong between two steps. */
export const faults = {
  'the guests’ sockets are cut': (_scene, lanes) => cut(lanes.map(({ guest }) => guest)),
  'one agent’s socket is cut': ({ agents }) => cut(agents.slice(0, 1).map(({ client }) => client)),
  'the other agent’s socket is cut': ({ agents }) => cut(agents.slice(1).map(({ client }) => client)),
  'both agents’ sockets are cut': ({ agents }) => cut(agents.map(({ client }) => client)),
  'the guests’ and one agent’s sockets are cut': ({ agents }, lanes) =>
    cut([...lanes.map(({ guest }) => guest), ...agents.slice(0, 1).map(({ client }) => client)]),
  'all sockets are cut': ({ agents }, lanes) =>
    cut([...lanes.map(({ guest }) => guest), ...agents.map(({ client }) => client)]),
  'the server is restarted': async ({ server }) => {
    await server.terminate();
    await begin(server);
  },
  'the server is killed': async ({ server }) => {
    server.kill();
    await server.gone();
    await begin(server);
  },
} satisfies Record<string, Fault>;
export type FaultName = keyof typeof faults;
export const faultNames = Object.keys(faults) as FaultName[];

type Fault = (scene: Stage, lanes: readonly Lane[]) => Promise<void> | void;

/** A scene whose server can be brought down. */
export interface Stage extends Scene {
  server: MortalServer;
}

export async function begin(server: MortalServer): Promise<void> {
  server.launch();
  if ((await server.listening()) === undefined) throw new Error('the server was killed while it started');
  server.open();
}

function cut(clients: readonly { cut(): void }[]): void {
  for (const client of clients) client.cut();
}

/** Some sockets, at a moment of its own, while something else happens. */
export async function cutSome(chance: Chance, { agents }: Scene, lanes: readonly Lane[]): Promise<void> {
  const clients = [...lanes.map(({ guest }) => guest), ...agents.map(({ client }) => client)];
  for (let times = chance.whole(1, 4); times > 0; times--) {
    await new Promise((resolve) => void setTimeout(resolve, chance.whole(0, 25)));
    cut(chance.shuffled(clients).slice(0, chance.whole(1, 3)));
  }
}
