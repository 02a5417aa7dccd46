import { hear } from '../kill/assistant-clients.ts';
import type { Moment } from '../kill/moments.ts';
import { beginAsking, type Asking } from '../kill/records.ts';
import type { Person } from '../kill/world.ts';
import { within } from '../support/eventually.ts';
import type { ClusterNode } from './cluster-node.ts';
import type { Stage } from './stage.ts';

/** Something that is done to the nodes while everybody uses them; over when all is well again. */
export type Scenario = (stage: Stage) => Promise<void>;

/** What does not come within this will not come. */
const waitMs = 20_000;

/** The promise, or what was waited for in vain. */
export async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  try {
    return await within(waitMs, promise);
  } catch (cause) {
    throw new Error(`${what}: ${String(cause)}`, { cause });
  }
}

/** Notes how long something took, which may take `mostMs`. */
export function measure({ measures, world }: Stage, what: string, tookMs: number, mostMs = waitMs): void {
  measures.set(what, [...(measures.get(what) ?? []), Math.round(tookMs)]);
  if (tookMs > mostMs) world.records.faults.push(`${what} took ${Math.round(tookMs)} ms`);
}

/** What nodes complain of until `work` is over, and shortly after, they have reason to. */
export async function troubling<T>({ troubles }: Stage, work: () => Promise<T>): Promise<T> {
  const span = { from: Date.now(), to: Number.POSITIVE_INFINITY };
  troubles.push(span);
  try {
    return await work();
  } finally {
    span.to = Date.now() + 3_000;
  }
}

/** From now on, answers that were on their way are made by somebody else, if at all. */
export function beginLife({ world }: Stage): void {
  // What was told in this very millisecond was told before.
  world.records.launches.push(Date.now() + 1);
}

/** Resolves at the next moment of this kind of the question; what `then` does is done in it. */
export function at({ world }: Stage, type: Moment['type'], { text }: Asking, then = () => {}): Promise<void> {
  return new Promise((resolve) => {
    world.moments.await(
      (moment) => moment.type === type && moment.question === text,
      () => {
        then();
        resolve();
      },
    );
  });
}

/** A question that is asked at `node`, and heard wherever the balancer leads where that does not go on. */
export interface Hearing {
  asking: Asking;
  /** Resolves when some of the answer was shown. */
  begun: Promise<void>;
  /** Resolves when the client knows how it ended. */
  ended: Promise<void>;
}

export function hearFirstAt(stage: Stage, node: ClusterNode, person: Person): Hearing {
  const { world, cluster } = stage;
  const asking = beginAsking(world.records, 'assistant stream', person.name, 'slowly');
  const begun = at(stage, 'seen', asking);
  const ended = hear({ ...world, server: cluster.firstAt(node) }, person, asking);
  ended.catch(() => {});
  return { asking, begun, ended };
}

/** Resolves when so many questions that were asked from now on are answered: the service goes on. */
export async function progress({ world }: Stage, count: number, what: string): Promise<void> {
  const { records } = world;
  const first = records.askings.length;
  const isDone = () =>
    records.askings.slice(first).filter(({ outcome }) => outcome !== undefined).length >= count;
  await inTime(
    `${count} answers while ${what}`,
    new Promise<void>((resolve) => {
      world.moments.await(isDone, () => resolve());
    }),
  );
}
