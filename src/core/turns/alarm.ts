import { topicOf } from '../realtime/bus.ts';
import type { Runtime } from '../runtime.ts';
import type { TurnsParts } from './state.ts';

/** Wakes one who waits, also one who begins to wait only after it rang. */
export interface Alarm {
  ring(): void;
  /** Resolves when it rings: true; when the time is over or the signal aborts: false. */
  wait(ms: number, signal?: AbortSignal): Promise<boolean>;
}

export function createAlarm(runtime: Pick<Runtime, 'sleep'>): Alarm {
  let rung = false;
  let wake = () => {};
  return {
    ring() {
      rung = true;
      wake();
    },
    async wait(ms, signal) {
      if (!rung && signal?.aborted !== true) {
        const over = new AbortController();
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = () => resolve();
        const awake = wake;
        signal?.addEventListener('abort', awake, { once: true });
        await Promise.race([promise, runtime.sleep(ms, over.signal).catch(() => {})]);
        over.abort();
        signal?.removeEventListener('abort', awake);
      }
      const wasRung = rung;
      rung = false;
      return wasRung;
    },
  };
}

/** One that rings when something changes in the conversation, on whatever node, and where what others said may have been missed. */
export interface ChangeAlarm extends Alarm {
  close(): void;
}

export function createChangeAlarm(
  { bus, runtime }: Pick<TurnsParts, 'bus' | 'runtime'>,
  conversationId: number,
  onChange: () => void = () => {},
): ChangeAlarm {
  const alarm = createAlarm(runtime);
  const changed = () => {
    onChange();
    alarm.ring();
  };
  const ends = [bus.subscribe(topicOf({ conversationId }), changed), bus.onRejoined(changed)];
  return {
    ...alarm,
    close() {
      for (const end of ends) end();
    },
  };
}
