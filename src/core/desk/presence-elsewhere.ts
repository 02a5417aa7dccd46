import type { Bus } from '../realtime/bus.ts';
import type { Runtime } from '../runtime.ts';

/** What an agent says who is there. */
export type Said = 'online' | 'away';

/** Which agents are there as the other nodes say, and their being told who is here. */
export interface PresenceElsewhere {
  /** What the node says that was heard last of those where the agent is; undefined where it is on none. */
  of(agentId: number): Said | undefined;
  /** Everybody who is there on another node. */
  agents(): number[];
  /** To be called when somebody has come, has left, or says something else: the others hear of it soon. */
  tell(): void;
  /** From now on says again and again who is here, and asks who is elsewhere. Where the process is alone, nothing happens. */
  start(): void;
  stop(): void;
}

export interface PresenceElsewhereParts {
  bus: Bus;
  nodeId: string;
  runtime: Pick<Runtime, 'sleep'>;
  here: () => [agentId: number, said: Said][];
  /** Resolves when `here` is as the store has it; never rejects. */
  refresh: () => Promise<void>;
  /** Called with those who may have come or gone and what makes it so, which must be called once. */
  onChange: (agentIds: readonly number[], change: () => void) => void;
  /** Called with what another node says of agents, after the change. */
  onHeard: (agents: ReadonlyMap<number, Said>) => void;
}

/** What a node says of itself: everybody who is there. */
interface Word {
  node: string;
  agents: [agentId: number, said: Said][];
  /** Whether the others are to say who is with them. */
  asks?: boolean;
}

const topic = 'presence';
const everyMs = 2_000;
/** A node that has said nothing for so long is gone, and everybody there with it. */
const lapseMs = 6_000;

export function createPresenceElsewhere(parts: PresenceElsewhereParts): PresenceElsewhere {
  const { bus, nodeId, here } = parts;
  const heard = createHeard(parts);
  let timer: NodeJS.Timeout | undefined;
  let telling = false;
  const ends: (() => void)[] = [];

  const say = (word: Partial<Word> = {}) => {
    telling = false;
    bus.publish(topic, { node: nodeId, agents: here(), ...word } satisfies Word);
  };
  const tell = () => {
    if (telling || bus.state() === 'alone') return;
    telling = true;
    queueMicrotask(say);
  };
  const hear = ({ node, agents, asks }: Word) => {
    if (node === nodeId) return;
    const said = new Map(agents);
    heard.put(node, said);
    parts.onHeard(said);
    if (asks === true) tell();
  };

  return {
    of: heard.of,
    agents: heard.agents,
    tell,
    start() {
      if (bus.state() === 'alone') return;
      const ask = () => say({ asks: true });
      ends.push(
        bus.subscribe(topic, (message) => hear(message as Word)),
        // What was said elsewhere meanwhile is not to be denied here.
        bus.onRejoined(() => void parts.refresh().then(ask)),
      );
      timer = setInterval(() => here().length > 0 && say(), everyMs);
      timer.unref();
      ask();
    },
    stop() {
      clearInterval(timer);
      for (const end of ends) end();
      heard.forget();
    },
  };
}

/** What the other nodes have said, for as long as it is believed. */
function createHeard({ runtime, onChange }: Pick<PresenceElsewhereParts, 'runtime' | 'onChange'>) {
  /** The one that was heard last at the end; `next` aborts when it is heard again. */
  const nodes = new Map<string, { agents: ReadonlyMap<number, Said>; next: AbortController }>();

  const put = (node: string, agents: ReadonlyMap<number, Said>) => {
    const before = nodes.get(node);
    before?.next.abort();
    const concerned = new Set([...(before?.agents.keys() ?? []), ...agents.keys()]);
    onChange([...concerned], () => {
      nodes.delete(node);
      if (agents.size > 0) nodes.set(node, { agents, next: lapse(node) });
    });
  };
  const lapse = (node: string) => {
    const next = new AbortController();
    runtime.sleep(lapseMs, next.signal).then(
      () => put(node, new Map()),
      () => {},
    );
    return next;
  };
  return {
    put,
    of(agentId: number): Said | undefined {
      const latest = [...nodes.values()].findLast(({ agents }) => agents.has(agentId));
      return latest?.agents.get(agentId);
    },
    agents: () => [...new Set([...nodes.values()].flatMap(({ agents }) => [...agents.keys()]))],
    forget() {
      for (const { next } of nodes.values()) next.abort();
    },
  };
}
