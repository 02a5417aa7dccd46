import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { createChance } from './support/chance.ts';
import { createMortalServer } from './support/mortal-server.ts';
import { begin, cutSome, faultNames, faults, type FaultName, type Stage } from './transcript/faults.ts';
import { findingsOf } from './transcript/findings.ts';
import { openLane, seatAgents, type Lane } from './transcript/scene.ts';
import { script, type Step } from './transcript/steps.ts';
import { startPatientVendor } from './transcript/vendor.ts';

const seed = Number(process.env['PARLEY_TRANSCRIPT_SEED'] ?? Date.now() % 2 ** 32);
const steps = Object.entries(script);

describe('the transcript of a guest and two agents', () => {
  test('is the same for all, whatever goes wrong between two steps', async (t) => {
    const stage = await setUp(t);
    const order = createChance(seed).shuffled(faultNames);
    // Each lane begins one step after the one before it, so that every fault comes after every step of one of them.
    const lanes: Lane[] = [];
    const reached = new Set<string>();
    for (let tick = 0; tick < steps.length + order.length - 1; tick++) {
      if (lanes.length < order.length) lanes.push(await openLane(stage, `lane ${lanes.length + 1}`));
      const fault = order[tick % order.length] as FaultName;
      const done = await Promise.all(lanes.map((lane, at) => take(stage, lane, steps[tick - at])));
      await faults[fault](stage, lanes);
      for (const step of done) reached.add(`${fault} after ${step}`);
    }
    for (const fault of faultNames) {
      for (const [step] of steps)
        assert.ok(reached.has(`${fault} after ${step}`), `never: ${fault} after ${step}`);
    }
    assert.deepEqual(await findings(stage, lanes), []);
  });

  test('is the same for all, whatever goes wrong in the middle of a step', async (t) => {
    const stage = await setUp(t);
    const chance = createChance(seed).branch('cuts');
    const lanes = [await openLane(stage, 'lane 1'), await openLane(stage, 'lane 2')];
    for (const step of steps) {
      await Promise.all([...lanes.map((lane) => take(stage, lane, step)), cutSome(chance, stage, lanes)]);
      if (chance.percent(10)) await faults[chance.pick(restarts)](stage);
    }
    assert.deepEqual(await findings(stage, lanes), []);
  });
});

const restarts = ['the server is restarted', 'the server is killed'] as const;

/** A step that fails says which it was. */
async function take(stage: Stage, lane: Lane, step: [string, Step] | undefined): Promise<string | undefined> {
  if (step === undefined) return undefined;
  const [name, does] = step;
  try {
    await does(stage, lane);
  } catch (cause) {
    const errors = errorsIn(stage.server.log()).join('\n');
    throw new Error(`“${name}” of ${lane.name} failed: ${String(cause)} ${errors}`, { cause });
  }
  return name;
}

async function setUp(t: TestContext): Promise<Stage> {
  t.diagnostic(`PARLEY_TRANSCRIPT_SEED=${seed}`);
  const vendor = await startPatientVendor();
  const server = createMortalServer(vendor.url, {
    shutdown_grace: '50ms',
    limits: { helpdesk: { sockets_per_address: 100 } },
  });
  t.after(async () => {
    server.kill();
    await server.gone();
    await vendor.close();
    server.remove();
  });
  await begin(server);
  const scene = { server, vendor, records: { faults: [] }, agents: [] };
  return { ...scene, agents: await seatAgents(scene) };
}

async function findings(stage: Stage, lanes: Lane[]): Promise<string[]> {
  const { server } = stage;
  const found = await findingsOf(stage, lanes, async () => {
    await server.terminate();
    return server.database;
  });
  return [...found, ...errorsIn(server.log())];
}

/** What the server itself calls a fault; answers that were cut off, and the vendor's refusals, are none of its own. */
function errorsIn(log: string[]): string[] {
  const excused = ['interrupted', 'provider_failed'];
  return log.filter((line) => {
    if (!line.startsWith('{')) return true;
    const { level, err } = JSON.parse(line) as { level: number; err?: { code?: string } };
    return level >= 50 && !excused.includes(err?.code ?? '');
  });
}
