import { startParty, type Party, type PartyCommand } from './children.ts';
import type { Contender } from './contest.ts';
import { startLoadGenerator, type LoadGenerator } from './load-generator.ts';
import { fillParley, type FilledParley } from './filled-parley.ts';
import type { Population } from './fill/population.ts';
import { createParleyHouse, type ParleySettings } from './parley.ts';
import { reasonOf } from './reason.ts';

const here = (file: string): string => new URL(file, import.meta.url).pathname;
const portkeyServer = here('node_modules/@portkey-ai/gateway/build/start-server.js');

/** Everything a scenario starts, and one way to end all of it. */
export interface Stage {
  load: LoadGenerator;
  startMock(env?: Record<string, string>): Promise<Party>;
  start(command: PartyCommand): Promise<Party>;
  startPassThrough(mock: Party): Promise<Party>;
  startPortkey(): Promise<Party>;
  startHello(bodyBytes: number): Promise<Party>;
  /** A Parley on a fresh data folder, and a key for it. */
  startParley(mock: Party, settings?: ParleySettings): Promise<{ party: Party; key: string }>;
  /** A Parley with conversations, not started yet. */
  fillParley(mock: Party, population: Population, settings?: ParleySettings): Promise<FilledParley>;
  /** What `fillParley` returned, started. */
  startFilled(filled: FilledParley, nodeArgs?: readonly string[]): Promise<Party>;
  end(): Promise<void>;
}

/** An empty stage; `end` must be called, also after a failure. */
export function createStage(): Stage {
  const load = startLoadGenerator();
  const parties: Party[] = [];
  const leftovers: (() => void)[] = [];
  const start = async (command: PartyCommand): Promise<Party> => {
    const party = await startParty(command);
    parties.push(party);
    return party;
  };
  const startFile = (name: string, file: string, env: Record<string, string> = {}): Promise<Party> =>
    start({ name, args: [here(`parties/${file}`)], env });
  return {
    load,
    start,
    startMock: (env) => startFile('mock provider', 'mock-provider.ts', env),
    startPassThrough: (mock) => startFile('pass-through', 'pass-through.ts', { BENCH_UPSTREAM: mock.origin }),
    startHello: (bytes) =>
      startFile('Fastify hello', 'fastify-hello.ts', { BENCH_BODY_BYTES: String(bytes) }),
    startPortkey: () =>
      start({
        name: 'Portkey',
        args: ['--import', here('parties/loopback-only.ts'), portkeyServer, '--headless'],
      }),
    async startParley(mock, settings) {
      const house = createParleyHouse(mock.origin, settings);
      leftovers.push(house.remove);
      const key = await house.createKey();
      const party = await house.start();
      parties.push(party);
      return { party, key };
    },
    async fillParley(mock, population, settings) {
      const filled = await fillParley(mock.origin, population, settings);
      leftovers.push(filled.remove);
      return filled;
    },
    async startFilled(filled, nodeArgs) {
      const party = await filled.start(nodeArgs);
      parties.push(party);
      return party;
    },
    async end() {
      await load.stop();
      for (const party of parties.toReversed()) await party.stop();
      for (const remove of leftovers) remove();
    },
  };
}

/** Runs `act` on a stage of its own and clears the stage afterwards. */
export async function withStage<T>(act: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = createStage();
  try {
    return await act(stage);
  } finally {
    await stage.end();
  }
}

/** A contender from `prepare`, or an absent one with the reason why `prepare` failed. */
export async function contender(
  name: string,
  prepare: () => Promise<Omit<Contender, 'name'>>,
): Promise<Contender> {
  try {
    return { name, ...(await prepare()) };
  } catch (error) {
    return { name, absent: reasonOf(error) };
  }
}
