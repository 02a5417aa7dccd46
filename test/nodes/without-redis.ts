import { hear } from '../kill/assistant-clients.ts';
import type { Person } from '../kill/world.ts';
import type { ClusterNode } from './cluster-node.ts';
import { hearFirstAt, inTime, measure, progress, troubling, type Scenario } from './scenarios.ts';
import type { Stage } from './stage.ts';
import { stopElsewhere } from './stopping.ts';

/** Within this, a node says of itself that Redis is away, or that it is back. */
const noticeMs = 5_000;

/** Redis is cut off from one node, or hangs for it; chat goes on as if nothing had happened, at both. */
export const redisCutForOne: Scenario = (stage) => breakRedis(stage, [drawNode(stage)], 'cut');
export const redisHangsForOne: Scenario = (stage) => breakRedis(stage, [drawNode(stage)], 'stall');
export const redisHangsForBoth: Scenario = (stage) => breakRedis(stage, nodesOf(stage), 'stall');
/** Redis dies, and comes back empty. */
export const redisDies: Scenario = (stage) => breakRedis(stage, nodesOf(stage), 'cut', stage.emptyRedis);

const nodesOf = ({ cluster: { one, two } }: Stage) => [one, two];
const drawNode = (stage: Stage) => stage.world.chance.pick(nodesOf(stage));

async function breakRedis(
  stage: Stage,
  nodes: readonly ClusterNode[],
  how: 'cut' | 'stall',
  meanwhile = () => Promise.resolve(),
): Promise<void> {
  await troubling(stage, async () => {
    await Promise.all(nodes.map(({ redis }) => redis[how]()));
    await awaitStatus(stage, nodes, 'degraded', 'the loss of Redis was noticed');
    await progress(stage, 10, `Redis is ${how} for ${nodes.length}`);
    await hearElsewhere(stage);
    await stopElsewhere(stage);
    await meanwhile();
    await Promise.all(nodes.map(({ redis }) => redis.forward()));
    await awaitStatus(stage, nodes, 'ready', 'the return of Redis was noticed');
  });
}

/** A node without Redis serves all the same. */
async function awaitStatus(
  stage: Stage,
  nodes: readonly ClusterNode[],
  status: string,
  what: string,
): Promise<void> {
  await Promise.all(
    nodes.map(async (node) => {
      const isIt = (said: { code: number; status: string } | undefined) => {
        if (said?.code !== 200) {
          stage.world.records.faults.push(`without Redis, node ${node.name} says ${JSON.stringify(said)}`);
        }
        return said?.status === status;
      };
      measure(stage, what, await node.untilReadiness(isIt), noticeMs);
    }),
  );
}

/** An answer that is made at one node is heard at the other while it is made. */
async function hearElsewhere(stage: Stage): Promise<void> {
  const { cluster, extras } = stage;
  const [, person] = extras as [Person, Person];
  for (const node of [cluster.one, cluster.two]) {
    const { asking, begun, ended } = hearFirstAt(stage, node, person);
    await inTime('an answer begins', begun);
    const elsewhere = { ...stage.world, server: cluster.firstAt(cluster.other(node)) };
    const heard = hear(elsewhere, person, asking, `${asking.answerId}:0`);
    await inTime('an answer ends for all', Promise.all([ended, heard]));
  }
}
