/**
 * Start to first answer, and idle memory.
 *
 * Parley with nothing configured on an empty data folder, so that every start also creates the database. The
 * clock runs from the spawn to the end of the first 200 from `POST /api/v1/chat/completion` with `parley-local`, sent
 * as soon as the address is printed. Idle memory is `VmRSS` five seconds after the first answer, and, in a further
 * process that was never asked, five seconds after the start.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Party } from '../children.ts';
import { figure, judgeMost, spread } from '../outcome.ts';
import { createParleyHouse } from '../parley.ts';
import { cpuMs, rssMb } from '../proc-stats.ts';
import { reasonOf } from '../reason.ts';
import type { Scenario } from '../scenario.ts';
import { postOnce } from '../verify.ts';
import { gatewayRequestBody } from '../wire.ts';

const idleMs = 5_000;
const localBody = gatewayRequestBody('What is Parley?', 'parley-local');

interface StartRun {
  firstAnswerMs: number;
  listeningMs: number;
  startCpuMs: number;
}

/** Starts a Parley on a fresh folder, hands it to `act`, stops it and deletes the folder. */
async function withFreshParley<T>(act: (party: Party) => Promise<T>): Promise<T> {
  const house = createParleyHouse();
  try {
    const party = await house.start();
    try {
      return await act(party);
    } finally {
      await party.stop();
    }
  } finally {
    house.remove();
  }
}

async function askOnce(party: Party): Promise<void> {
  const target = { origin: party.origin, path: '/api/v1/chat/completion', headers: {}, body: localBody };
  const { status, text } = await postOnce(target);
  if (status !== 200) throw new Error(`answered ${status}: ${text.slice(0, 300)}`);
}

async function timeStart(party: Party): Promise<StartRun> {
  const listeningMs = party.ageMs();
  await askOnce(party);
  return { listeningMs, firstAnswerMs: party.ageMs(), startCpuMs: cpuMs(party.pid) };
}

async function idleMemory(asked: boolean): Promise<number> {
  return withFreshParley(async (party) => {
    if (asked) await askOnce(party);
    await pause(idleMs);
    return rssMb(party.pid);
  });
}

async function measureStarts(starts: number, log: (line: string) => void) {
  const runs: StartRun[] = [];
  for (let start = 1; start <= starts; start++) {
    runs.push(await withFreshParley(timeStart));
    log(`start ${start} · first answer after ${figure(runs.at(-1)!.firstAnswerMs)} ms`);
  }
  return { runs, untouchedMb: await idleMemory(false), askedMb: await idleMemory(true) };
}

const goals = { answer: 'first answer < 1,500 ms after the start', memory: 'idle memory < 150 MB' };

export const start: Scenario = {
  name: 'start',
  title: 'Start to first answer, idle memory',
  async run(options, log) {
    const columns = ['figure', 'median (least–most)'];
    try {
      const { runs, untouchedMb, askedMb } = await measureStarts(options.starts, log);
      const answers = runs.map((run) => run.firstAnswerMs);
      const rows = [
        ['first answer, ms after spawn', spread(answers)],
        ['listening, ms after spawn', spread(runs.map((run) => run.listeningMs))],
        ['CPU until the first answer, ms', spread(runs.map((run) => run.startCpuMs))],
        ['idle RSS, never asked, MB', figure(untouchedMb)],
        ['idle RSS, after one answer, MB', figure(askedMb)],
      ];
      return {
        goals: [judgeMost(goals.answer, answers, 'ms', 1_500), judgeMost(goals.memory, [askedMb], 'MB', 150)],
        figures: { columns, rows },
        raw: { runs, untouchedMb, askedMb },
      };
    } catch (error) {
      const why = reasonOf(error);
      return {
        goals: [judgeMost(goals.answer, why, 'ms', 1_500), judgeMost(goals.memory, why, 'MB', 150)],
        figures: { columns, rows: [] },
        raw: { why },
      };
    }
  },
};
