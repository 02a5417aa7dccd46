import type { NewDelivery, WebhookDeliveries } from '../../storage/webhook-deliveries.ts';
import type { Webhook } from '../../storage/webhooks.ts';
import type { Log } from '../log.ts';
import type { Feed, FeedItem } from '../realtime/feed.ts';
import type { Runtime } from '../runtime.ts';
import { eventsOf, type EventSources, type WebhookEvent } from './event.ts';

export interface CollectorParts {
  feed: Pick<Feed, 'watch'>;
  deliveries: Pick<WebhookDeliveries, 'collect' | 'open'>;
  sources: EventSources;
  /** An event as receivers read it; must be the same text for the same event. */
  present: (event: WebhookEvent) => unknown;
  /** Deliveries to one receiver that may be open; beyond it, what happens stays in the feed. */
  mostOpen: number;
  runtime: Pick<Runtime, 'now'>;
  log: Log;
}

/** Makes deliveries to one receiver of what happens. */
export interface Collector {
  /** To be called when a delivery has ended. */
  onEnded(): void;
  /** Stores how far it has looked: one that begins there with other wishes is not told of what was before. */
  stop(): Promise<void>;
}

/** The webhook was changed, or another node has gone on with it. */
export class CursorMoved extends Error {
  override readonly name = 'CursorMoved';
}

/** How far the stored cursor may fall behind while nothing happens that the receiver wants. */
const mostUnstored = 1000;

/**
 * Follows the feed from the webhook's cursor. `onCollected` is called when there are new deliveries, `onFailure` once, when it can go
 * on no more.
 */
export async function createCollector(
  parts: CollectorParts,
  webhook: Webhook,
  events: { onCollected: () => void; onFailure: (thrown: unknown) => void },
): Promise<Collector> {
  const { feed, deliveries, mostOpen, runtime, log } = parts;
  const wanted = new Set(webhook.events);
  let stored = webhook.cursor;
  let seen = stored;
  let stopped = false;
  let makeRoom = () => {};
  let working = Promise.resolve();

  const waitForRoom = async () => {
    while (!stopped) {
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      makeRoom = resolve;
      if ((await deliveries.open(webhook.id, mostOpen)) < mostOpen) return;
      await ended;
    }
  };

  const collect = async (items: FeedItem[]) => {
    const found = (await Promise.all(items.map((item) => deliveriesOf(parts, item, wanted)))).flat();
    const to = items.at(-1)?.cursor ?? stored;
    if (found.length === 0 && to - stored < mostUnstored) {
      seen = to;
      return;
    }
    await waitForRoom();
    if (stopped) return;
    if (!(await deliveries.collect(webhook.id, { from: stored, to }, found, runtime.now()))) {
      throw new CursorMoved('the webhook was changed meanwhile');
    }
    stored = to;
    seen = to;
    if (found.length > 0) events.onCollected();
  };

  const stopWatching = await feed.watch('everyone', webhook.cursor, {
    onItems: (items) => (working = collect(items)),
    onReset(cursor) {
      log.warn({ webhook: webhook.id, from: stored, to: cursor }, 'a webhook misses what was forgotten');
      deliveries
        .collect(webhook.id, { from: stored, to: cursor }, [], runtime.now())
        .catch((err: unknown) => log.error({ err, webhook: webhook.id }, 'a cursor could not be stored'));
      stored = cursor;
      seen = cursor;
    },
    onFailure: events.onFailure,
  });
  return {
    onEnded: () => makeRoom(),
    async stop() {
      stopped = true;
      makeRoom();
      stopWatching();
      await working.catch(() => {});
      if (seen > stored) await deliveries.collect(webhook.id, { from: stored, to: seen }, [], runtime.now());
    },
  };
}

async function deliveriesOf(
  { sources, present }: CollectorParts,
  item: FeedItem,
  wanted: ReadonlySet<string>,
): Promise<NewDelivery[]> {
  const events = await eventsOf(item, sources, wanted);
  return events.map((event) => ({
    eventId: event.id,
    type: event.type,
    conversationId: item.conversationId,
    payload: JSON.stringify(present(event)),
  }));
}
