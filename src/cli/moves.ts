import { resolve } from 'node:path';
import { databaseUrl } from '../config/kinds.ts';
import { moveStore, type MoveStep } from '../storage/move.ts';
import type { Command } from './command.ts';
import { parseOptions, text } from './parse-options.ts';
import { UsageError } from './usage-error.ts';

/** The command `move`. Throws `UsageError`. */
export function moveCommandOf(rest: string[]): Command {
  const { values } = parseOptions('move', rest, { from: text, to: text }, 0);
  const from = sqliteFile(values.from);
  const to = postgresAddress(values.to);
  return async (_env, terminal) => {
    const { tables } = await moveStore({
      from,
      to,
      now: Date.now,
      onStep: (step) => terminal.err(`${described(step)}\n`),
    });
    for (const [name, { rows, digest }] of Object.entries(tables)) {
      terminal.out(`${name.padEnd(24)} ${String(rows).padStart(12)} rows  sha256 ${digest.slice(0, 16)}\n`);
    }
    terminal.out('Everything is moved, and both sides agree row by row. The SQLite database is as it was.\n');
    terminal.err(
      'Start the server with this DATABASE_URL and, so that nobody has to log in again, with PARLEY_SECRET as the file "secret" of the data ' +
        'folder has it. The folder "knowledge" is to be copied to every node. Search finds older messages bit by bit.\n',
    );
    return 0;
  };
}

function described(step: MoveStep): string {
  return step.kind === 'copied'
    ? `copied    ${step.table}: ${step.rows} of ${step.total}`
    : `verified  ${step.table}: ${step.rows}`;
}

function sqliteFile(url: string | undefined): string {
  const [, path = ''] = /^sqlite:(.+)$/s.exec(databaseUrl.parse(url) ?? '') ?? [];
  if (path !== '' && path !== ':memory:') return resolve(path);
  throw new UsageError('--from must be sqlite:DATABASE, the file that is to be moved');
}

function postgresAddress(url: string | undefined): string {
  const parsed = databaseUrl.parse(url);
  if (parsed?.startsWith('postgres')) return parsed;
  throw new UsageError('--to must be postgres://user:password@host:port/database');
}
