import type { ActiveTurn as StoredTurn } from '../../storage/turns.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import { giveWay } from './begin-turn.ts';
import { tellNodes } from './other-nodes.ts';
import { recover, settleOrphans } from './recovery.ts';
import { endUnwanted } from './relay.ts';
import { leaseMs, type ActiveTurn, type TurnsState } from './state.ts';

const everyMs = 1_000;
/** How often leases are renewed. */
const renewMs = 2_000;
/** A look that takes so long, or comes so late, is as good as none: others may not have come to theirs. */
const lateMs = 3_000;

/**
 * Renews this node's leases, gives up the turns that others have taken from it, and takes over those of nodes that are gone. Due every
 * second where there can be other nodes. Rejects as the store does.
 */
async function look(state: TurnsState): Promise<void> {
  const { parts, leases, closing, draining, node } = state;
  const { runtime } = parts;
  if (!parts.shared) return;
  const at = runtime.now();
  if (leases.lookedAt > 0 && at - leases.lookedAt > lateMs) leases.failedAt = at;
  leases.lookedAt = at;
  if (parts.bus.state() === 'joined') tellNodes(state, { type: draining ? 'leaving' : 'alive', node });
  endUnwanted(state);
  try {
    await renew(state, at);
    await giveWayToOthers(state);
    await closing.retry();
    await takeOverLapsed(state);
    if (runtime.now() - at > lateMs) leases.failedAt = runtime.now();
  } catch (thrown) {
    leases.failedAt = runtime.now();
    throw thrown;
  }
}

/** Takes over the turns of nodes that are gone. After an outage of the store everybody renews first. */
export async function takeOverLapsed(state: TurnsState): Promise<void> {
  const { parts, leases, draining } = state;
  const at = parts.runtime.now();
  if (!draining && at - leases.failedAt > leaseMs) await recover(state, at);
}

async function renew({ parts, leases, active, closing, settling, node }: TurnsState, at: number) {
  if (at - leases.renewedAt < renewMs) return;
  const isIdle = active.size === 0 && settling.size === 0 && closing.unsettled().size === 0;
  if (!isIdle) await parts.rows.renew(node, at + leaseMs);
  leases.renewedAt = at;
}

/** Looks which turns are this node's still. */
async function giveWayToOthers(state: TurnsState): Promise<void> {
  const { parts, active, settling, closing, node } = state;
  const ours = [...active.values()].filter(isSettled);
  const held = new Map((await parts.rows.heldBy(node)).map(({ id, fence }) => [id, fence]));
  for (const turn of ours) {
    if (active.get(turn.id) === turn && isSettled(turn) && held.get(turn.id) !== turn.fence) {
      lose(state, turn);
    }
  }
  const unsettled = closing.unsettled();
  const orphans = [...held.keys()].filter((id) => !active.has(id) && !settling.has(id) && !unsettled.has(id));
  if (orphans.length === 0) return;
  const rows = await Promise.all(orphans.map((id) => parts.rows.find(id)));
  const isOrphan = ({ id, node: maker }: StoredTurn) =>
    maker === node && !active.has(id) && !settling.has(id);
  await settleOrphans(
    state,
    rows.flatMap((turn) => (turn !== undefined && isOrphan(turn) ? turn : [])),
  );
}

/** Looks every second, one look at a time. */
export function createTimer(state: TurnsState) {
  let timer: NodeJS.Timeout | undefined;
  const once = oneAtATime(() => look(state));
  return {
    look: once,
    start() {
      if (!state.parts.shared || timer !== undefined) return;
      const again = () =>
        once().catch((err: unknown) => state.parts.log.error({ err }, 'turns could not be looked after'));
      timer = setInterval(() => void again(), everyMs);
      timer.unref();
    },
    end() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}

/** Whether the store must have it as it is known here. */
function isSettled({ stored, closing, givenUp, taken }: ActiveTurn): boolean {
  return stored && !closing && !givenUp && !taken;
}

/** Another node has taken the turn, or it is over. */
export function lose(state: TurnsState, turn: ActiveTurn): void {
  giveWay(turn);
  // One that waits in its line has nothing to break off.
  if (!turn.running) state.run(turn);
}
