import type { Feed as FeedRows, FeedEvent, FeedScope } from '../../storage/feed.ts';
import type { Message, Messages } from '../../storage/messages.ts';
import { topicOf, type Bus } from './bus.ts';
import { createWakeUps } from './wake-ups.ts';

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
  /** To be called after every commit that changed something in a conversation: wakes those who watch it, on every node. */
  wake(conversationId: number, userId: number | null): void;
  /** Resolves when everybody who watches was told of all that they were woken for. */
  settled(): Promise<void>;
}

export interface FeedParts {
  rows: FeedRows;
  messages: Pick<Messages, 'find'>;
  bus: Bus;
}

const pageSize = 100;
/** Who is further behind than so many changes, of everybody's, begins anew: to look through more would hold up all others. */
const mostBehind = 1_000_000;

/** What all watchers share. */
interface State extends FeedParts {
  /** Watchers that are being told. */
  telling: number;
  /** Who waits until there are none. */
  settling: Set<() => void>;
}

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
  const { wake } = createWakeUps(bus);
  const state: State = { ...parts, telling: 0, settling: new Set() };
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
      const unsubscribe = bus.subscribe(topicOf(scope), (upTo) => {
        // Who was told of it by the node that changed it need not look again because the store was looked through.
        if (typeof upTo !== 'number' || watching.cursor < upTo) void pump(state, watching);
      });
      try {
        await begin(state, watching, cursor);
      } catch (thrown) {
        unsubscribe();
        throw thrown;
      }
      return () => {
        watching.stopped = true;
        unsubscribe();
      };
    },
    wake,
    settled: () =>
      state.telling === 0 ? Promise.resolve() : new Promise((resolve) => state.settling.add(resolve)),
  };
}

async function begin(state: State, watching: Watching, cursor: number | undefined): Promise<void> {
  const head = await state.rows.head();
  const lost = cursor !== undefined && (cursor > head || cursor < (await oldestKnown(state, head)));
  if (cursor === undefined || lost) watching.cursor = head;
  if (lost) watching.watcher.onReset(head);
  watching.reading = false;
  await pump(state, watching);
}

/** The first cursor that somebody can come back with. */
async function oldestKnown({ rows }: State, head: number): Promise<number> {
  return Math.max(await rows.forgotten(), head - mostBehind);
}

/** Reads on from the cursor until nothing is new; one run at a time. */
async function pump(state: State, watching: Watching): Promise<void> {
  watching.woken = true;
  if (watching.reading) return;
  watching.reading = true;
  state.telling++;
  try {
    while (watching.woken && !watching.stopped) {
      watching.woken = false;
      const { events, upTo } = await state.rows.pageAfter(watching.scope, watching.cursor, pageSize);
      // Also where there is nothing: a quiet watcher need not look through everybody else's changes at its next one.
      watching.cursor = upTo;
      if (events.length === 0) continue;
      watching.woken ||= events.length === pageSize;
      const items = await Promise.all(events.map((event) => itemOf(state, event)));
      if (!watching.stopped) await watching.watcher.onItems(items);
    }
  } catch (thrown) {
    watching.stopped = true;
    watching.watcher.onFailure(thrown);
  } finally {
    watching.reading = false;
    state.telling--;
    if (state.telling === 0) {
      for (const resolve of state.settling) resolve();
      state.settling.clear();
    }
  }
}

async function itemOf({ messages }: FeedParts, event: FeedEvent): Promise<FeedItem> {
  const message = event.messageId === null ? undefined : await messages.find(event.messageId);
  return { ...event, message: message ?? null };
}
