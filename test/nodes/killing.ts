import { beginConversation, awaitReply, drawQuestion, sendQuestion } from '../kill/studio-conversations.ts';
import type { Person } from '../kill/world.ts';
import type { ClusterNode } from './cluster-node.ts';
import { at, beginLife, hearFirstAt, inTime, measure, troubling, type Scenario } from './scenarios.ts';
import type { Stage } from './stage.ts';

/** Within this, what a killed node has left behind is closed, or made again, by the other. */
const takeoverMs = 10_000;
/** Long enough that a frozen node has lost everything, even where it holds up the other for a while. */
const frozenMs = 12_000;

/** A node is killed in the middle of answers, and comes back. */
export const killNode: Scenario = async (stage) => {
  const { cluster } = stage;
  const victim = stage.world.chance.pick([cluster.one, cluster.two]);
  await troubling(stage, async () => {
    const left = await strike(stage, victim, () => victim.kill());
    await left.takenOver('a killed node’s answers were taken over', takeoverMs);
    await cluster.excusing(() => victim.ended());
    await victim.launch();
    await cluster.untilUsed(victim);
  });
};

/** A node does nothing for a while, in the middle of answers, and then goes on as if nothing had happened. */
export const freezeNode: Scenario = async (stage) => {
  const { cluster } = stage;
  const victim = stage.world.chance.pick([cluster.one, cluster.two]);
  await troubling(stage, async () => {
    const left = await strike(stage, victim, () => victim.freeze());
    await left.takenOver('a frozen node’s answers were taken over', frozenMs);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, frozenMs - left.sinceMs())));
    await cluster.excusingSockets(async () => {
      victim.thaw();
      await cluster.untilUsed(victim);
    });
  });
};

interface Left {
  sinceMs(): number;
  /** Resolves when all clients have their answers. */
  takenOver(what: string, mostMs: number): Promise<void>;
}

/** Does it to the node in the middle of answers, and at the moment at which the vendor is asked for one that nobody waits for. */
async function strike(stage: Stage, victim: ClusterNode, blow: () => void): Promise<Left> {
  const { cluster, extras, world } = stage;
  const [first] = extras as [Person];
  const conversation = await beginConversation(world, first);
  const hearings = extras.map((person) => hearFirstAt(stage, victim, person));
  await inTime('answers begin', Promise.all(hearings.map(({ begun }) => begun)));
  const silent = drawQuestion(world, first, 'studio', conversation, 'slowly');
  let struckAt = 0;
  const { reply } = await cluster.excusing(async () => {
    const struck = at(stage, 'called', silent, () => {
      blow();
      beginLife(stage);
      struckAt = performance.now();
    });
    const sent = sendQuestion({ ...world, server: cluster.firstAt(victim) }, first, silent, false);
    const reply = sent.then(() => awaitReply(world, first, silent));
    reply.catch(() => {});
    await inTime('the vendor is asked', struck);
    await cluster.untilUsed(victim, false);
    return { reply };
  });
  return {
    sinceMs: () => performance.now() - struckAt,
    async takenOver(what, mostMs) {
      await inTime(what, Promise.all([reply, ...hearings.map(({ ended }) => ended)]));
      measure(stage, what, performance.now() - struckAt, mostMs);
    },
  };
}
