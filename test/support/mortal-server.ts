import { watch } from 'node:fs';
import { dirname } from 'node:path';
import {
  databaseIn,
  launchParley,
  makeDataFolder,
  removeDataFolder,
  type Launched,
} from './parley-process.ts';
import type { ParleyOptions } from './parley.ts';

/** One life of the server, as clients know it. */
export interface Life {
  number: number;
  url: string;
  wsUrl: string;
}

/** A server that is killed and started again, over one data folder. */
export interface MortalServer {
  /** Launches it; it may be killed before it listens. */
  launch(): void;
  /** Resolves when it listens: to its life, or to undefined where it was killed before. */
  listening(): Promise<Life | undefined>;
  /** Lets the clients in. */
  open(): void;
  /** The life that clients may use; waits until there is one. */
  life(): Promise<Life>;
  /** Whether this life is the one that clients may use now. */
  isAlive(life: Life): boolean;
  /** Whether nothing excuses that a connection of this life breaks now, however long it has been open. */
  isCalm(life: Life): boolean;
  /** SIGKILL, now. Clients wait from now on. Safe to repeat. */
  kill(): void;
  /** Resolves when the process is gone. Rejects where it went by itself. */
  gone(): Promise<void>;
  /** Ends it as an operator would; resolves when it is gone. */
  terminate(): Promise<void>;
  /** Calls `then` at the `count`th time that the process writes to its database, from now on. Returns what takes it back. */
  atWrite(count: number, then: () => void): () => void;
  /** What all lives logged, line by line. */
  log(): string[];
  readonly database: string;
  remove(): void;
}

/** `yaml` is laid over the settings that every mortal server has. */
export function createMortalServer(vendorUrl: string, yaml: ParleyOptions['yaml'] = {}): MortalServer {
  const folder = makeDataFolder();
  const database = databaseIn(folder);
  const lives: Launched[] = [];
  let gate = Promise.withResolvers<Life>();
  let opened: Life | undefined;
  let ending = false;

  const current = () => lastOf(lives);
  const shut = () => {
    ending = true;
    if (opened !== undefined) gate = Promise.withResolvers();
    opened = undefined;
  };
  let listening: Life | undefined;

  return {
    database,
    launch() {
      ending = false;
      listening = undefined;
      lives.push(launchParley(folder, optionsOf(vendorUrl, yaml)));
    },
    async listening() {
      try {
        const url = await current().url;
        listening = { number: lives.length, url, wsUrl: url.replace('http', 'ws') };
        return ending ? undefined : listening;
      } catch (thrown) {
        if (ending) return undefined;
        throw thrown;
      }
    },
    open() {
      if (listening === undefined || ending) throw new Error('the server does not listen');
      opened = listening;
      gate.resolve(listening);
    },
    life: () => gate.promise,
    isAlive: (life) => life === opened,
    isCalm: (life) => life === opened,
    kill() {
      current().signal('SIGKILL');
      shut();
    },
    async gone() {
      const { code, signal } = await current().ended;
      if (!ending) throw new Error(`the server ended by itself: ${code ?? signal} ${current().stderr()}`);
    },
    async terminate() {
      shut();
      current().signal('SIGTERM');
      await current().ended;
    },
    atWrite: (count, then) => atChange(database, count, then),
    log: () => lives.flatMap((life) => life.stderr().split('\n').filter(Boolean)),
    remove: () => removeDataFolder(folder),
  };
}

function lastOf(lives: readonly Launched[]): Launched {
  const launched = lives.at(-1);
  if (launched === undefined) throw new Error('the server was never launched');
  return launched;
}

export const administrator = 'admin@example.com';
/** Of everybody. */
export const password = 'correct horse battery staple';

/** The vendor alone answers, and answers everything itself; only warnings are logged. */
const env = {
  PARLEY_LOG_LEVEL: 'warn',
  PARLEY_FALLBACK: 'off',
  PARLEY_ADMIN_EMAIL: administrator,
  PARLEY_ADMIN_PASSWORD: password,
};

const optionsOf = (vendorUrl: string, yaml: ParleyOptions['yaml']): ParleyOptions => ({
  env,
  yaml: { cache: { enabled: false }, ...yaml },
  openAi: vendorUrl,
  dashScope: vendorUrl,
});

/** The kernel tells of every write to the log of the database, so that one can be hit in the middle of a transaction. */
function atChange(database: string, count: number, then: () => void): () => void {
  let left = count;
  const watcher = watch(dirname(database), (_event, name) => {
    if (name !== 'parley.db-wal' || --left !== 0) return;
    watcher.close();
    then();
  });
  return () => watcher.close();
}
