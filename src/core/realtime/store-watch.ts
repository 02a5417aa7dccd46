import type { Feed as FeedRows, FeedEvent } from '../../storage/feed.ts';
import type { Log } from '../log.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import { topicOf, type Bus } from './bus.ts';

/**
 * Wakes those who watch on this node for what other nodes have stored and nobody has told it of: a message was lost, or its sender died
 * before it could send it. One for the whole process, however many watch; where the process is alone, it does nothing.
 */
export interface StoreWatch {
  /** Resolves once it is known what there is already; rejects where that cannot be read. */
  start(): Promise<void>;
  stop(): void;
}

export interface StoreWatchParts {
  rows: Pick<FeedRows, 'head' | 'pageAfter'>;
  bus: Bus;
  log: Log;
}

const joinedEveryMs = 1_000;
const cutEveryMs = 200;
const pageSize = 500;

export function createStoreWatch({ rows, bus, log }: StoreWatchParts): StoreWatch {
  let cursor = 0;
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let failed = false;
  let unsubscribe = () => {};

  const readOn = async () => {
    const head = await rows.head();
    while (running && cursor < head) {
      const { events, upTo } = await rows.pageAfter('everyone', cursor, pageSize);
      cursor = upTo;
      wakeFor(bus, events);
    }
  };
  const look = oneAtATime(async () => {
    try {
      await readOn();
      failed = false;
    } catch (err) {
      if (!failed) log.error({ err }, 'what other nodes have changed could not be read; it is tried again');
      failed = true;
    }
  });
  const waitAndLook = () => {
    timer = setTimeout(
      () => void look().then(() => running && waitAndLook()),
      bus.state() === 'cut' ? cutEveryMs : joinedEveryMs,
    );
    timer.unref();
  };

  return {
    async start() {
      if (bus.state() === 'alone') return;
      cursor = await rows.head();
      running = true;
      unsubscribe = bus.onRejoined(() => void look());
      waitAndLook();
    },
    stop() {
      running = false;
      unsubscribe();
      clearTimeout(timer);
    },
  };
}

/** Those who have read further have no need of it. */
function wakeFor(bus: Bus, events: readonly FeedEvent[]): void {
  const upTo = new Map<string, number>();
  for (const { conversationId, userId, cursor } of events) {
    upTo.set(topicOf({ conversationId }), cursor);
    if (userId !== null) upTo.set(topicOf({ userId }), cursor);
    upTo.set(topicOf('everyone'), cursor);
  }
  for (const [topic, cursor] of upTo) bus.wake(topic, cursor);
}
