import type { ActiveTurn as StoredTurn } from '../../storage/turns.ts';
import type { TurnsState } from './state.ts';

/** What nodes ask each other about their turns. */
export const requests = {
  follow: 'turns.follow',
  stop: 'turns.stop',
  giveUp: 'turns.give-up',
  join: 'turns.join',
} as const;

/** What nodes tell each other of their turns. */
export type Notice =
  /** The turn is made by another node from now on, or ended by it. */
  | { type: 'taken'; id: number; fence: number }
  /** Turns are left to whoever takes them. */
  | { type: 'left' }
  | { type: 'alive'; node: string }
  | { type: 'leaving'; node: string };

const topic = 'turns';

/** How long another node may take to answer; then its turn is taken by force. */
const patienceMs = 1_000;
/** Who was not heard of for so long is not counted on. */
const peerMs = 4_000;

export function tellNodes({ parts }: Pick<TurnsState, 'parts'>, notice: Notice): void {
  parts.bus.publish(topic, notice);
}

export function onNotice({ parts }: Pick<TurnsState, 'parts'>, listener: (notice: Notice) => void): void {
  parts.bus.subscribe(topic, (message) => listener(message as Notice));
}

/** What another node answers; undefined where it cannot be reached. */
export async function askNode(
  { parts }: Pick<TurnsState, 'parts'>,
  node: string,
  kind: (typeof requests)[keyof typeof requests],
  body: unknown,
): Promise<unknown> {
  // Nothing that is said now reaches anybody.
  if (node === '' || parts.bus.state() !== 'joined') return undefined;
  try {
    return (await parts.nodes.request(node, kind, body, patienceMs)) ?? true;
  } catch (err) {
    parts.log.info({ err, node }, 'another node that makes an answer does not answer');
    return undefined;
  }
}

/** The turns of a conversation that are not made here. */
export async function turnsElsewhere(state: TurnsState, conversationId: number): Promise<StoredTurn[]> {
  const { shared, rows } = state.parts;
  if (!shared) return [];
  return (await rows.activeIn(conversationId)).filter(({ id }) => !state.active.has(id));
}

/** How long one who waits for another node waits for news before looking into the store. */
export function pollMs({ bus }: Pick<TurnsState['parts'], 'bus'>): number {
  return bus.state() === 'joined' ? 1_000 : 250;
}

export function noteNotice(state: TurnsState, notice: Notice): void {
  const { peers, parts, node } = state;
  if (notice.type === 'alive' && notice.node !== node) peers.set(notice.node, parts.runtime.elapsed());
  if (notice.type === 'leaving') peers.delete(notice.node);
}

/** Whether another node serves that can make what this one leaves. */
export function hasPeers({ peers, parts }: TurnsState): boolean {
  const since = parts.runtime.elapsed() - peerMs;
  return parts.bus.state() === 'joined' && peers.values().some((heardAt) => heardAt >= since);
}
