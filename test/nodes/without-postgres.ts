import { hinder } from '../kill/records.ts';
import type { Person } from '../kill/world.ts';
import type { ClusterNode } from './cluster-node.ts';
import { refusals } from './refusals.ts';
import { beginLife, hearFirstAt, inTime, measure, progress, troubling, type Scenario } from './scenarios.ts';
import type { Stage } from './stage.ts';

/** Within this, a node without a database refuses what it is asked. */
const refusalMs = 8_000;
/** Within this, what a node without a database was answering has its end: the other waits for the lease to end. */
const takeoverMs = 14_000;
/** Within this, a node serves again once the database is back. */
const healMs = 8_000;

/** PostgreSQL is cut off from one node, or hangs for it: the other serves alone, and takes over what the one was answering. */
export const postgresCutForOne: Scenario = (stage) => breakForOne(stage, 'cut');
export const postgresHangsForOne: Scenario = (stage) => breakForOne(stage, 'stall');

async function breakForOne(stage: Stage, how: 'cut' | 'stall'): Promise<void> {
  const { cluster, extras, world } = stage;
  const node = world.chance.pick([cluster.one, cluster.two]);
  const hearings = extras.map((person) => hearFirstAt(stage, node, person));
  await inTime('answers begin', Promise.all(hearings.map(({ begun }) => begun)));
  await away(stage, async () => {
    const since = performance.now();
    await cluster.excusing(async () => {
      await node.postgres[how]();
      const isNoticed = cluster.untilUsed(node, false);
      // Whoever hangs says nothing for as long as it may.
      await Promise.all([isNoticed, how === 'cut' ? refuseAll(stage, node) : undefined]);
    });
    await progress(stage, 10, `PostgreSQL is ${how} for one`);
    const ended = Promise.all(hearings.map((each) => each.ended));
    await inTime('answers of a node without its database end', ended);
    const what = 'the answers of a node without its database were taken over';
    measure(stage, what, performance.now() - since, takeoverMs);
    await heal(stage, [node]);
  });
}

/** PostgreSQL is away: nobody is served until it is back. */
export const postgresCutForBoth: Scenario = async (stage) => {
  const { cluster } = stage;
  const nodes = [cluster.one, cluster.two];
  await away(stage, () =>
    cluster.excusing(async () => {
      await Promise.all(nodes.map(({ postgres }) => postgres.cut()));
      await Promise.all(nodes.map((node) => refuseAll(stage, node)));
      await Promise.all(nodes.map((node) => cluster.untilUsed(node, false)));
      await heal(stage, nodes);
    }),
  );
  await progress(stage, 10, 'PostgreSQL is back');
};

/** Until `work` is over, answers may fail for want of the database. */
async function away(stage: Stage, work: () => Promise<void>): Promise<void> {
  const { records } = stage.world;
  hinder(records);
  beginLife(stage);
  await troubling(stage, () => stage.cluster.excusingSockets(work));
  records.isHindered = false;
}

/** Every door says so in its own words, and soon. */
async function refuseAll(stage: Stage, node: ClusterNode): Promise<void> {
  const { world, extras } = stage;
  const [person] = extras as [Person];
  for (const { door, said, tookMs, isRight } of await refusals(world, node.life(), person)) {
    if (!isRight) world.records.faults.push(`without PostgreSQL, ${door} says ${said}`);
    measure(stage, 'a node without its database refused', tookMs, refusalMs);
  }
}

async function heal(stage: Stage, nodes: readonly ClusterNode[]): Promise<void> {
  await Promise.all(
    nodes.map(async (node) => {
      await node.postgres.forward();
      const took = await node.untilReadiness((said) => said?.status === 'ready');
      measure(stage, 'a node served again after its database came back', took, healMs);
      await stage.cluster.untilUsed(node);
    }),
  );
}
