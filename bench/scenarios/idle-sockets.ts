/**
 * The memory of an idle WebSocket, 10,000 of them on one process.
 *
 * Parley's are opened at the assistant's `/ws/chat/{session_id}`: 2,000 users, each with the 5 that the contract allows, on a session of their own, with an
 * access token in the address as browsers send it; each is authenticated, counted, watches its session and has its heartbeat. Beside it a bare `ws`
 * server, which does nothing, is asked with the same addresses.
 *
 * Each round has fresh processes. The first 2,000 sockets fill what the process had left over from its start; then the memory is taken, the others
 * are opened, and it is taken again three seconds after the last of them; both times after three full garbage collections
 * (`parties/memory-on-signal.ts`). The figure is what each of the 8,000 added to the process's resident memory, the ratio is taken round
 * by round.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Party } from '../children.ts';
import type { FilledParley } from '../filled-parley.ts';
import { ordinaryIds, type Population } from '../fill/population.ts';
import { median } from '../median.ts';
import { figure, judgeMost, spread } from '../outcome.ts';
import type { Memory } from '../parties/memory-on-signal.ts';
import { reasonOf } from '../reason.ts';
import type { Scenario } from '../scenario.ts';
import { startSocketHolder, type SocketHolder } from '../socket-holder.ts';
import { withStage, type Stage } from '../stage.ts';

const sockets = 10_000;
const filling = 2_000;
const population: Population = { users: 2_000, conversationsEach: 1, exchanges: 2 };
const most = 1.5;
const mostRounds = 3;
const memoryLimitMs = 10_000;
const preload = new URL('../parties/memory-on-signal.ts', import.meta.url);
const wsServer = new URL('../parties/ws-server.ts', import.meta.url).pathname;

interface Tools {
  holder: SocketHolder;
  /** Where parties write what they hold. */
  file: string;
}

/** What one socket adds, in bytes. */
type PerSocket = Memory;

async function memoryOf({ pid }: Party, file: string): Promise<Memory> {
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  for (const deadline = performance.now() + memoryLimitMs; performance.now() < deadline; await pause(100)) {
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Memory;
  }
  throw new Error('told nothing of its memory');
}

async function measure(
  party: Party,
  paths: readonly string[],
  { holder, file }: Tools,
  log: (line: string) => void,
) {
  const addresses = paths.map((path) => party.origin.replace('http', 'ws') + path);
  await holder.open(addresses.slice(0, filling));
  const before = await memoryOf(party, file);
  await holder.open(addresses.slice(filling));
  const after = await memoryOf(party, file);
  await holder.closeAll();
  await party.stop();
  const perSocket = {} as PerSocket;
  for (const kind of ['rss', 'heap', 'external'] as const)
    perSocket[kind] = (after[kind] - before[kind]) / (sockets - filling);
  log(`${party.name}: ${figure(perSocket.rss / 1024)} KiB a socket`);
  return perSocket;
}

/** Each user's session, as often as she may open it. */
function pathsOf(filled: FilledParley): string[] {
  const rows = filled.select<{ id: number; userId: number }>(
    'SELECT id, user_id AS userId FROM conversations',
  );
  const tokens = new Map(
    ordinaryIds(population).map((id) => [id, filled.headersOf(id)['authorization']!.split(' ')[1]!]),
  );
  return Array.from({ length: sockets }, (_, index) => {
    const { id, userId } = rows[index % rows.length]!;
    return `/ws/chat/${id}?token=${tokens.get(userId)}`;
  });
}

async function measureRounds(stage: Stage, rounds: number, log: (line: string) => void) {
  const filled = await stage.fillParley(await stage.startMock(), population);
  const paths = pathsOf(filled);
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-memory-'));
  const tools = { holder: startSocketHolder(), file: join(folder, 'memory.json') };
  const nodeArgs = ['--import', `${preload.href}?to=${tools.file}`];
  try {
    const bare: PerSocket[] = [];
    const parley: PerSocket[] = [];
    for (let round = 1; round <= rounds; round++) {
      const server = await stage.start({ name: 'ws', args: [...nodeArgs, wsServer] });
      bare.push(await measure(server, paths, tools, log));
      parley.push(await measure(await stage.startFilled(filled, nodeArgs), paths, tools, log));
    }
    return { bare, parley };
  } finally {
    await tools.holder.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function row(name: string, rounds: readonly PerSocket[]): string[] {
  const kib = (kind: keyof PerSocket): string => spread(rounds.map((memory) => memory[kind] / 1024));
  return [name, kib('rss'), kib('heap'), kib('external')];
}

const goal = `an idle socket ≤ ${most} × the bare ws library's memory, ${figure(sockets)} on one process`;

export const idleSockets: Scenario = {
  name: 'idle-sockets',
  title: 'Idle WebSockets',
  run: (options, log) =>
    withStage(async (stage) => {
      const columns = ['KiB a socket', 'RSS', 'JavaScript heap', 'external'];
      try {
        const rounds = await measureRounds(stage, Math.min(options.rounds, mostRounds), log);
        const ratios = rounds.parley.map(({ rss }, round) => rss / rounds.bare[round]!.rss);
        const verdict = median(ratios) <= most ? 'met' : 'missed';
        return {
          goals: [{ goal, measured: `${spread(ratios)} ×`, verdict }],
          figures: { columns, rows: [row('ws', rounds.bare), row('Parley', rounds.parley)] },
          raw: rounds,
        };
      } catch (error) {
        const why = reasonOf(error);
        return {
          goals: [judgeMost(goal, why, '×', most)],
          figures: { columns, rows: [] },
          raw: { why },
        };
      }
    }),
};
