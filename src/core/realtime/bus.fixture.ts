import { createListeners, type Bus, type BusState } from './bus.ts';

/** A node's bus, which a test can cut from the others. */
export interface LineBus extends Bus {
  cut(): void;
  /** Joined again: what was said meanwhile was missed. */
  rejoin(): void;
}

/** What joins several nodes in one process. */
export interface BusLine {
  join(): LineBus;
  /** What has crossed, oldest first. */
  readonly crossed: { topic: string; message: unknown }[];
  /** Resolves when what was said before the call has arrived. */
  arrived(): Promise<void>;
}

/** Buses as nodes have them that share a Redis: messages reach the others as JSON, a turn of the loop later. */
export function createBusLine(): BusLine {
  const nodes = new Set<{ hear(topic: string, text: string | undefined): void }>();
  const crossed: BusLine['crossed'] = [];

  const join = (): LineBus => {
    const listeners = createListeners({
      onError(thrown) {
        throw thrown;
      },
    });
    const rejoined = new Set<() => void>();
    let state: BusState = 'joined';
    const node = {
      hear(topic: string, text: string | undefined) {
        const message: unknown = text === undefined ? undefined : JSON.parse(text);
        if (state === 'joined') listeners.tell(topic, message);
      },
    };
    nodes.add(node);
    return {
      publish(topic, message) {
        listeners.tell(topic, message);
        if (state === 'cut') return;
        crossed.push({ topic, message });
        const text = message === undefined ? undefined : JSON.stringify(message);
        const others = [...nodes].filter((other) => other !== node);
        setImmediate(() => others.forEach((other) => other.hear(topic, text)));
      },
      wake: listeners.tell,
      subscribe: listeners.subscribe,
      state: () => state,
      onRejoined(listener) {
        rejoined.add(listener);
        return () => void rejoined.delete(listener);
      },
      check: () => (state === 'joined' ? Promise.resolve() : Promise.reject(new Error('the bus is cut'))),
      close: () => Promise.resolve(void nodes.delete(node)),
      cut: () => void (state = 'cut'),
      rejoin() {
        state = 'joined';
        for (const listener of rejoined) listener();
      },
    };
  };
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return { join, crossed, arrived: () => turn().then(turn) };
}
