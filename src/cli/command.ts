import type { Terminal } from './terminal.ts';

/** The environment of the process. */
export type Env = Record<string, string | undefined>;

/** A command that was understood. Resolves to the exit code: 0 done, 1 failed. */
export type Command = (env: Env, terminal: Terminal) => Promise<number>;
