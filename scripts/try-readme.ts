/**
 * Runs README.md's own lines against `npm start` on an empty data folder: its `bash` blocks that name localhost:8000, in order and
 * in one shell, then the snippets for OpenAI's clients. Part of CI. Fails where a line does, or where an answer lacks what the
 * README says it shows. The Python snippet is left out where Python's client is not installed.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const writtenAddress = 'http://localhost:8000';
const limitMs = 60_000;
const shownCharacters = 3000;
/** What the answers show, by the README's word. */
const promised = [
  '"cached":true',
  'X-Cache-Status: HIT',
  '"finished":true',
  '[DONE]',
  'pk_',
  'is revoked',
  'access_token',
  'total_tokens',
  '"type":"done"',
  'total_chats',
  '"reply":null',
  '"status":"pending"',
  '"sender_type":"human"',
];

const dataDir = mkdtempSync(join(tmpdir(), 'parley-readme-'));
const env = { ...process.env, PORT: '0', PARLEY_DATA_DIR: dataDir, PARLEY_LOG_LEVEL: 'warn' };
const server = spawn('npm', ['start'], {
  cwd: root,
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
});
try {
  const address = await addressOf(server);
  const prologue = 'set -euo pipefail; curl() { command curl -sS --fail-with-body "$@"; echo; }; set -v\n';
  let shown = run('bash', ['-c', prologue + snippets('bash', address)]);
  shown += run(process.execPath, ['--input-type=module', '--eval', snippets('js', address)]);
  if (spawnSync('python3', ['-c', 'import openai']).status === 0) {
    shown += run('python3', ['-c', snippets('python', address)]);
  }
  const lower = shown.toLowerCase();
  const missing = promised.filter((text) => !lower.includes(text.toLowerCase()));
  if (missing.length > 0) throw new Error(`The README promises, but nothing showed: ${missing.join(', ')}`);
  process.stdout.write("\nREADME.md's lines do what it says.\n");
} finally {
  await stop(server);
  rmSync(dataDir, { recursive: true, force: true });
}

/** The blocks of README.md in `language` that talk to a server, with the server's real address. */
function snippets(language: string, address: string): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, name, text]) => name === language && text?.includes(writtenAddress))
    .map(([, , text]) => text);
  if (blocks.length === 0) throw new Error(`README.md has no ${language} block that names ${writtenAddress}`);
  return blocks.join('\n').replaceAll(writtenAddress, address);
}

/** Runs a program to its end and returns what it printed, of which the beginning is shown. Throws where it fails. */
function run(program: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    env,
    encoding: 'utf8',
    timeout: limitMs,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  process.stdout.write(`${stderr}${status === 0 ? stdout.slice(0, shownCharacters) : stdout}\n`);
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
  return stdout;
}

/** The address in the first line that the server prints. */
async function addressOf({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new TypeError('the server has no output');
  const lines = createInterface(stdout);
  const timer = setTimeout(() => lines.close(), limitMs);
  for await (const line of lines) {
    const address = /listens on (http:\S+)/.exec(line)?.[1];
    if (address === undefined) continue;
    clearTimeout(timer);
    stdout.resume();
    return address;
  }
  throw new Error('npm start did not say where it listens');
}

/** Asks the whole group: npm, its shell and the server. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  process.kill(-child.pid, 'SIGTERM');
  await exited;
}
