import type { ClusterNode } from './cluster-node.ts';
import { beginLife, hearFirstAt, inTime, troubling, type Scenario } from './scenarios.ts';
import type { Stage } from './stage.ts';

/** Both nodes are restarted, one after the other, while everybody goes on: no request fails, and no character is lost. */
export const rollingRestart: Scenario = async (stage) => {
  const { one, two } = stage.cluster;
  await troubling(stage, async () => {
    for (const node of [one, two]) await restart(stage, node);
  });
};

async function restart(stage: Stage, node: ClusterNode): Promise<void> {
  const { cluster, extras, world } = stage;
  const { closes } = world.records;
  const hearings = extras.map((person) => hearFirstAt(stage, node, person));
  await inTime('answers begin', Promise.all(hearings.map(({ begun }) => begun)));
  const first = closes.length;
  node.stop();
  beginLife(stage);
  const ended = await inTime(`node ${node.name} ends`, node.ended());
  await inTime('answers that were on their way end', Promise.all(hearings.map((each) => each.ended)));
  const asked = hearings.map(({ asking }) => asking);
  stage.restarts.push({ node: node.name, ended, asked, closes: closes.slice(first) });
  await node.launch();
  await cluster.untilUsed(node);
}
