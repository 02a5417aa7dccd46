import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { createChance } from '../support/chance.ts';
import { findingsOf } from '../transcript/findings.ts';
import { openLane, seatAgents, type Lane, type Scene } from '../transcript/scene.ts';
import { script } from '../transcript/steps.ts';
import { startPatientVendor } from '../transcript/vendor.ts';
import type { Cluster } from './cluster.ts';
import type { ClusterNode } from './cluster-node.ts';
import { openCluster, withoutNodes } from './stage.ts';

const seed = Number(process.env['PARLEY_NODES_TEST_SEED'] ?? Date.now() % 2 ** 32);
const steps = Object.entries(script);
const laneCount = 2;

/** Guests and agents whose sockets are at different nodes, while each of their requests goes to either. */
interface Stage extends Scene {
  cluster: Cluster;
  lanes: Lane[];
}

/** What can go wrong between two steps. */
const faults: Record<string, (stage: Stage) => Promise<void>> = {
  'all sockets are cut': ({ agents, lanes }) => {
    for (const { client } of agents) client.cut();
    for (const { guest } of lanes) guest.cut();
    return Promise.resolve();
  },
  'the guests’ node is killed': ({ cluster }) => kill(cluster, cluster.one),
  'Redis hangs for the guests’ node': ({ cluster }) => cluster.one.redis.stall(),
  'Redis is there for the guests’ node': ({ cluster }) => cluster.one.redis.forward(),
  'the agents’ node is restarted': ({ cluster }) => restart(cluster, cluster.two),
  'Redis is cut off from both nodes': async ({ cluster: { one, two } }) => {
    await Promise.all([one, two].map(({ redis }) => redis.cut()));
  },
  'Redis is there for both nodes': async ({ cluster: { one, two } }) => {
    await Promise.all([one, two].map(({ redis }) => redis.forward()));
  },
  'the agents’ node is killed': ({ cluster }) => kill(cluster, cluster.two),
  'the guests’ node is restarted': ({ cluster }) => restart(cluster, cluster.one),
};

async function kill(cluster: Cluster, node: ClusterNode): Promise<void> {
  await cluster.excusing(async () => {
    node.kill();
    await node.ended();
    await cluster.untilUsed(node, false);
  });
  await node.launch();
  await cluster.untilUsed(node);
}

async function restart(cluster: Cluster, node: ClusterNode): Promise<void> {
  node.stop();
  await node.ended();
  await node.launch();
  await cluster.untilUsed(node);
}

describe('the transcript of guests at one node and agents at the other', { skip: withoutNodes }, () => {
  test('is the same for all, whatever goes wrong between two steps', { timeout: 170_000 }, async (t) => {
    t.diagnostic(`PARLEY_NODES_TEST_SEED=${seed}`);
    const stage = await setUp(t);
    const { cluster, lanes } = stage;
    // What heals comes after what it heals.
    const names = Object.keys(faults);
    const first = createChance(seed).whole(0, names.length - 1);
    for (let tick = 0; tick < steps.length + laneCount - 1; tick++) {
      if (lanes.length < laneCount) {
        const atOne = { ...stage, server: cluster.mostlyAt(cluster.one) };
        lanes.push(await openLane(atOne, `lane ${lanes.length + 1}`));
      }
      await Promise.all(lanes.map((lane, at) => take(stage, lane, tick - at)));
      const name = names[(first + tick) % names.length] ?? '';
      await faults[name]?.(stage);
    }
    const found = await findingsOf(stage, lanes, async () => {
      const nodes = [cluster.one, cluster.two];
      for (const node of nodes) node.stop();
      for (const node of nodes) assert.equal((await node.ended()).code, 0, `node ${node.name}`);
      return cluster.databaseUrl;
    });
    assert.deepEqual(found, []);
  });
});

/** A step that fails says which it was. */
async function take(stage: Stage, lane: Lane, at: number): Promise<void> {
  const [name, step] = steps[at] ?? [];
  try {
    await step?.(stage, lane);
  } catch (cause) {
    throw new Error(`“${name}” of ${lane.name} failed: ${String(cause)}`, { cause });
  }
}

async function setUp(t: TestContext): Promise<Stage> {
  const vendor = await startPatientVendor();
  t.after(vendor.close);
  const { cluster } = await openCluster(t, {
    vendorUrl: vendor.url,
    yaml: { shutdown_grace: '200ms', limits: { helpdesk: { sockets_per_address: 100 } } },
  });
  const scene = { cluster, server: cluster, vendor, records: { faults: [] }, agents: [], lanes: [] };
  return { ...scene, agents: await seatAgents({ ...scene, server: cluster.mostlyAt(cluster.two) }) };
}
