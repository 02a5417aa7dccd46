/**
 * Shows that each contract can be deleted: removes one after the other from a copy of src and expects type errors in
 * app.ts alone. Part of `npm run check`; about a second a contract.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const contracts = readdirSync(join(root, 'src', 'contracts'));
const held = contracts.filter((contract) => {
  const problem = problemWithout(contract);
  process.stdout.write(`${contract}: ${problem ?? 'can be deleted'}\n`);
  return problem !== null;
});
if (contracts.length === 0) throw new Error('src/contracts is empty: nothing was checked');
process.exitCode = held.length === 0 ? 0 : 1;

/** Why `contract` cannot be deleted; null where it can. */
function problemWithout(contract: string): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'parley-deletable-'));
  try {
    copyWithout(contract, folder);
    const files = filesWithErrors(folder);
    if (files.length === 0) return 'app.ts does not need it: is it registered at all?';
    const others = files.filter((file) => file !== 'src/app.ts');
    return others.length === 0 ? null : `is needed by ${others.join(', ')}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Tests may use what they like, so they stay behind. */
function copyWithout(contract: string, folder: string): void {
  const deleted = join(root, 'src', 'contracts', contract);
  cpSync(join(root, 'src'), join(folder, 'src'), {
    recursive: true,
    filter: (path) => path !== deleted && !/\.(test|suite|fixture)\.ts$/.test(path),
  });
  for (const file of ['tsconfig.json', 'package.json']) cpSync(join(root, file), join(folder, file));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
}

function filesWithErrors(folder: string): string[] {
  const { stdout, status, error } = spawnSync(
    process.execPath,
    [compiler, '--noEmit', '--pretty', 'false', '--incremental', 'false'],
    { cwd: folder, encoding: 'utf8' },
  );
  if (error !== undefined) throw error;
  const files = [...stdout.matchAll(/^(\S.*?)\(\d+,\d+\): error/gm)].map((match) => match[1] ?? '');
  if (status !== 0 && files.length === 0) throw new Error(`tsc failed: ${stdout}`);
  return [...new Set(files)];
}
