import { askNode, requests } from './other-nodes.ts';
import type { TurnsState } from './state.ts';

/** What other nodes are told of a turn while somebody follows it there. */
export type Relayed = { start: number; text: string } | { over: true };

/** Turns that are followed on other nodes. */
export type Relays = Map<number, Relay>;

interface Relay {
  ending: AbortController;
  /** By the monotonic clock: until then somebody is believed to follow. */
  until: number;
}

/** How often who follows says so, and for how long that holds. */
export const interestMs = { renewed: 3_000, lapses: 9_000 };

export function topicOfTurn(id: number): string {
  return `turn:${id}`;
}

/** Lets the maker of a turn tell this node what it says from now on; false where it cannot be asked, or is not its maker. */
export async function wantRelay(state: TurnsState, node: string, id: number): Promise<boolean> {
  return (await askNode(state, node, requests.follow, { id })) === true;
}

/** Somebody on another node follows the turn: what it says is logged at once, and told when it is logged. */
export function relay(state: TurnsState, id: number): boolean {
  const { active, relays, parts } = state;
  const turn = active.get(id);
  if (turn === undefined) return false;
  const until = parts.runtime.elapsed() + interestMs.lapses;
  const known = relays.get(id);
  if (known !== undefined) {
    known.until = until;
    return true;
  }
  const begun = { ending: new AbortController(), until };
  relays.set(id, begun);
  void tellOthers(state, id, begun);
  return true;
}

async function tellOthers({ active, relays, parts: { bus } }: TurnsState, id: number, { ending }: Relay) {
  const topic = topicOfTurn(id);
  const tell = (relayed: Relayed) => bus.publish(topic, relayed);
  try {
    const live = active.get(id)?.live;
    for await (const group of live?.follow(live.shown().length, ending.signal) ?? []) {
      for (const event of group) if (event.type === 'delta') tell({ start: event.start, text: event.text });
    }
  } catch {
    // Nobody follows any more, or it is over: whoever follows finds out from the store.
  } finally {
    relays.delete(id);
    tell({ over: true });
  }
}

/** To be called now and then. */
export function endUnwanted({ relays, parts: { runtime } }: TurnsState): void {
  const now = runtime.elapsed();
  for (const { ending, until } of relays.values()) if (until < now) ending.abort();
}
