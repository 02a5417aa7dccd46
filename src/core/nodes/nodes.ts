import type { Bus } from '../realtime/bus.ts';
import type { Runtime } from '../runtime.ts';

/** Answers a request of another node; what it resolves to is plain JSON. A rejection reaches the asker as `NodeUnreachable`. */
export type NodeHandler = (body: unknown, from: string) => Promise<unknown>;

/** This node, and requests between nodes. A request may be lost with the bus: who asks needs another way. */
export interface Nodes {
  /** Names this process; never the same again. */
  readonly id: string;
  /** Resolves to the answer of the node; rejects with `NodeUnreachable` where none comes in time, or the node could not answer. */
  request(node: string, kind: string, body: unknown, timeoutMs: number): Promise<unknown>;
  /** Answers requests of `kind` until the returned function is called. One handler for each kind. */
  serve(kind: string, handler: NodeHandler): () => void;
}

/** The other node is gone, is cut off, or could not do it. */
export class NodeUnreachable extends Error {
  override readonly name = 'NodeUnreachable';
}

interface Request {
  kind: string;
  body: unknown;
  from: string;
  number: number;
}

interface Answer {
  number: number;
  answer?: unknown;
  failed?: string;
}

export function createNodes(parts: {
  id: string;
  bus: Bus;
  runtime: Pick<Runtime, 'sleep'>;
  onError: (thrown: unknown) => void;
}): Nodes {
  const { id, bus, runtime } = parts;
  const handlers = new Map<string, NodeHandler>();
  const waiting = new Map<number, (answer: Answer) => void>();
  let last = 0;

  const answer = async ({ kind, body, from, number }: Request) => {
    const handler = handlers.get(kind);
    if (handler === undefined) return;
    try {
      bus.publish(answersOf(from), { number, answer: await handler(body, from) } satisfies Answer);
    } catch (thrown) {
      parts.onError(thrown);
      bus.publish(answersOf(from), { number, failed: String(thrown) } satisfies Answer);
    }
  };
  bus.subscribe(requestsOf(id), (message) => void answer(message as Request));
  bus.subscribe(answersOf(id), (message) => {
    const given = message as Answer;
    waiting.get(given.number)?.(given);
  });

  return {
    id,
    async request(node, kind, body, timeoutMs) {
      const number = ++last;
      const given = Promise.withResolvers<Answer>();
      const patience = new AbortController();
      waiting.set(number, given.resolve);
      try {
        bus.publish(requestsOf(node), { kind, body, from: id, number } satisfies Request);
        const late = runtime.sleep(timeoutMs, patience.signal).then(() => undefined);
        late.catch(() => {});
        const found = await Promise.race([given.promise, late]);
        if (found === undefined)
          throw new NodeUnreachable(`${kind}: no answer from ${node} in ${timeoutMs} ms`);
        if (found.failed !== undefined) throw new NodeUnreachable(`${kind}: ${node} failed: ${found.failed}`);
        return found.answer;
      } finally {
        waiting.delete(number);
        patience.abort();
      }
    },
    serve(kind, handler) {
      handlers.set(kind, handler);
      return () => void handlers.delete(kind);
    },
  };
}

function requestsOf(node: string): string {
  return `node:${node}`;
}

function answersOf(node: string): string {
  return `answers:${node}`;
}
