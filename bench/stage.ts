import { startParty, type Party, type PartyCommand } from './children.ts';
import type { Contender } from './contest.ts';
import { startLoadGenerator, type LoadGenerator } from './load-generator.ts';
import { fillParley, type FilledParley } from './filled-parley.ts';
import type { Population } from './fill/population.ts';
import { createParleyHouse, secret, type ParleyHouse, type ParleySettings } from './parley.ts';
import { createDatabase, type BenchDatabase } from './postgres.ts';
import { reasonOf } from './reason.ts';
import { createRedisPrefix } from './redis.ts';

const here = (file: string): string => new URL(file, import.meta.url).pathname;
const portkeyServer = here('node_modules/@portkey-ai/gateway/build/start-server.js');

/** Where a Parley keeps everything: in its data folder, or in a database of the run's own. */
export type Store = 'sqlite' | 'postgres';

/** Everything a scenario starts, and one way to end all of it. */
export interface Stage {
  load: LoadGenerator;
  startMock(env?: Record<string, string>): Promise<Party>;
  start(command: PartyCommand): Promise<Party>;
  startPassThrough(mock: Party): Promise<Party>;
  startPortkey(): Promise<Party>;
  startHello(bodyBytes: number): Promise<Party>;
  /** A Parley on a fresh data folder, and a key for it. */
  startParley(mock: Party, settings?: ParleySettings, on?: Store): Promise<{ party: Party; key: string }>;
  /** Parleys that share a PostgreSQL and a Redis, and a key for them. */
  startNodes(mock: Party, count: number, settings?: ParleySettings): Promise<{ nodes: Party[]; key: string }>;
  /** A Parley with conversations, not started yet. */
  fillParley(
    mock: Party,
    population: Population,
    settings?: ParleySettings,
    on?: Store,
  ): Promise<FilledParley>;
  /** What `fillParley` returned, started. */
  startFilled(filled: FilledParley, nodeArgs?: readonly string[]): Promise<Party>;
  end(): Promise<void>;
}

/** An empty stage; `end` must be called, also after a failure. */
export function createStage(): Stage {
  const load = startLoadGenerator();
  const parties: Party[] = [];
  const leftovers: Leftovers = [];
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
    ...parleysOn(parties, leftovers),
    async end() {
      await load.stop();
      for (const party of parties.toReversed()) await party.stop();
      for (const remove of leftovers.toReversed()) await remove();
    },
  };
}

/** What is to be done when all parties have ended, the last first. */
type Leftovers = (() => void | Promise<void>)[];

function parleysOn(
  parties: Party[],
  leftovers: Leftovers,
): Pick<Stage, 'startParley' | 'startNodes' | 'fillParley' | 'startFilled'> {
  const makeDatabase = async (): Promise<BenchDatabase> => {
    const database = await createDatabase();
    leftovers.push(database.drop);
    return database;
  };
  const environmentOf = async (on: Store = 'sqlite'): Promise<Record<string, string>> =>
    on === 'sqlite' ? {} : { DATABASE_URL: (await makeDatabase()).url, PARLEY_SECRET: secret };
  const startIn = async (house: ParleyHouse, count: number): Promise<{ nodes: Party[]; key: string }> => {
    leftovers.push(house.remove);
    const key = await house.createKey();
    const nodes: Party[] = [];
    for (let number = 0; number < count; number++) {
      const node = await house.start();
      parties.push(node);
      nodes.push(node);
    }
    return { nodes, key };
  };
  return {
    async startParley(mock, settings, on) {
      const house = createParleyHouse(mock.origin, settings, await environmentOf(on));
      const { nodes, key } = await startIn(house, 1);
      return { party: nodes[0]!, key };
    },
    async startNodes(mock, count, settings) {
      const redis = await createRedisPrefix();
      leftovers.push(redis.clear);
      const shared = { REDIS_URL: redis.url, PARLEY_REDIS_PREFIX: redis.prefix };
      const environment = { ...(await environmentOf('postgres')), ...shared };
      return startIn(createParleyHouse(mock.origin, settings, environment), count);
    },
    async fillParley(mock, population, settings, on) {
      const database = on === 'postgres' ? await makeDatabase() : undefined;
      const filled = await fillParley(mock.origin, population, settings, database);
      leftovers.push(filled.remove);
      return filled;
    },
    async startFilled(filled, nodeArgs) {
      const party = await filled.start(nodeArgs);
      parties.push(party);
      return party;
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
