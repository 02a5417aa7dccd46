import type { Feed as FeedRows, FeedEvent, FeedScope } from '../../storage/feed.ts';
import type { Message, Messages } from '../../storage/messages.ts';
import { topicOf, type Bus } from './bus.ts';

export type { FeedEvent, FeedScope } from '../../storage/feed.ts';

/** A change, with the message that it is about as it is now; null where there is none any more. */
export interface FeedItem extends FeedEvent {
  message: Message | null;
}

/** Somebody who watches. Neither function is called while a promise of `onItems` is open. */
export interface Watcher {
  /** Changes, oldest first, none twice and none left out. */
  onItems(items: FeedItem[]): Promise<void> | void;
  /** What lies between the cursor asked for and the present is not known any more: read everything anew, then go on from `cursor`. */
  onReset(cursor: number): void;
  /** Changes could not be read, or `onItems` failed; nothing more will be told. */
  onFailure(thrown: unknown): void;
}

/** What changes, for those who watch it. */
export interface Feed {
  /** The cursor of the last change: a snapshot read after this call, and the changes after this cursor, leave no gap. */
  head(): Promise<number>;
  /** Tells of all changes after `cursor` (default: from now on) until the returned function is called. */
  watch(scope: FeedScope, cursor: number | undefined, watcher: Watcher): Promise<() => void>;
  /** To be called after every commit that changed something in a conversation. */
  wake(conversationId: number, userId: number | null): void;
}

export interface FeedParts {
  rows: FeedRows;
  messages: Pick<Messages, 'find'>;
  bus: Bus;
}

const pageSize = 100;

interface Watching {
  scope: FeedScope;
  watcher: Watcher;
  cursor: number;
  reading: boolean;
  /** Whether something may have changed since the last read began. */
  woken: boolean;
  stopped: boolean;
}

export function createFeed(parts: FeedParts): Feed {
  const { rows, bus } = parts;
  return {
    head: () => rows.head(),
    async watch(scope, cursor, watcher) {
      const watching: Watching = {
        scope,
        watcher,
        cursor: cursor ?? 0,
        reading: true,
        woken: false,
        stopped: false,
      };
      const unsubscribe = bus.subscribe(topicOf(scope), () => void pump(parts, watching));
      try {
        await begin(parts, watching, cursor);
      } catch (thrown) {
        unsubscribe();
        throw thrown;
      }
      return () => {
        watching.stopped = true;
        unsubscribe();
      };
    },
    wake(conversationId, userId) {
      bus.publish(topicOf({ conversationId }));
      if (userId !== null) bus.publish(topicOf({ userId }));
    },
  };
}

async function begin(parts: FeedParts, watching: Watching, cursor: number | undefined): Promise<void> {
  const head = await parts.rows.head();
  const lost = cursor !== undefined && (cursor > head || cursor < (await parts.rows.forgotten()));
  if (cursor === undefined || lost) watching.cursor = head;
  if (lost) watching.watcher.onReset(head);
  watching.reading = false;
  await pump(parts, watching);
}

/** Reads on from the cursor until nothing is new; one run at a time. */
async function pump(parts: FeedParts, watching: Watching): Promise<void> {
  watching.woken = true;
  if (watching.reading) return;
  watching.reading = true;
  try {
    while (watching.woken && !watching.stopped) {
      watching.woken = false;
      const events = await parts.rows.after(watching.scope, watching.cursor, pageSize);
      if (events.length === 0) continue;
      watching.woken = true;
      const items = await Promise.all(events.map((event) => itemOf(parts, event)));
      watching.cursor = events.at(-1)?.cursor ?? watching.cursor;
      if (!watching.stopped) await watching.watcher.onItems(items);
    }
  } catch (thrown) {
    watching.stopped = true;
    watching.watcher.onFailure(thrown);
  } finally {
    watching.reading = false;
  }
}

async function itemOf({ messages }: FeedParts, event: FeedEvent): Promise<FeedItem> {
  const message = event.messageId === null ? undefined : await messages.find(event.messageId);
  return { ...event, message: message ?? null };
}
