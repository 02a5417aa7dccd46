import type { Bus } from './bus.ts';

/** What it takes to do something on every node. */
export type Everywhere = Pick<Bus, 'publish' | 'subscribe' | 'onRejoined'>;

/**
 * Work that is done on every node when the returned function is called: here before it returns, on the others soon after, and where that may have been
 * missed, as soon as it is known. Without a bus it is done here.
 */
export function everywhere(bus: Everywhere | undefined, topic: string, work: () => void): () => void {
  if (bus === undefined) return work;
  bus.subscribe(topic, work);
  bus.onRejoined(work);
  return () => bus.publish(topic);
}
