import type { WebhookDeliveries } from '../../storage/webhook-deliveries.ts';
import type { Webhook, Webhooks as WebhookRows } from '../../storage/webhooks.ts';
import type { Lease, LeaseWork } from '../nodes/lease.ts';
import type { Bus } from '../realtime/bus.ts';
import { everywhere } from '../realtime/everywhere.ts';
import { createCollector, CursorMoved, type Collector, type CollectorParts } from './collector.ts';
import { createSender, type Sender, type SenderParts } from './sender.ts';

type Parts = CollectorParts & SenderParts & { webhooks: WebhookRows; deliveries: WebhookDeliveries };

export interface DispatcherParts extends Parts {
  /** How long a delivery that has ended can be looked up, milliseconds. */
  retentionMs: number;
  bus: Pick<Bus, 'publish' | 'subscribe' | 'onRejoined'>;
  /** The lease that a node holds which sends; null where there is no other node. */
  leaseFor: ((work: LeaseWork) => Lease) | null;
}

/** Tells receivers of what happens: at least once each, and what happens in one conversation in its order. Of several nodes, one does so at a time. */
export interface Dispatcher {
  /** Begins with what was not told before the process ended. */
  start(): void;
  /** To be called when a webhook was made, changed or removed; resolves when that is heeded here, or could not be and will be later. */
  reconcile(): Promise<void>;
  /** To be called when a delivery may be due that was not made by the dispatcher. */
  wake(webhookId: number): void;
  /** Forgets old deliveries, and looks for what another process has changed. */
  tend(): Promise<void>;
  /** Stops sending; what is on its way is given up, to be sent again after the next start, or by another node. */
  stop(): Promise<void>;
}

/** One receiver at work. */
interface Line {
  /** Of the webhook, when the line was made. */
  updatedAt: number;
  sender: Sender;
  collector: Collector | undefined;
  failed: boolean;
}

type Lines = Map<number, Line>;

interface State {
  parts: DispatcherParts;
  lines: Lines;
  /** Whether this node sends. */
  sends: boolean;
  /** What is done to the lines, one after the other. */
  queue: Promise<void>;
}

const due = 'webhook-due';

export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const { deliveries, bus, leaseFor, retentionMs, runtime } = parts;
  const state: State = { parts, lines: new Map(), sends: false, queue: Promise.resolve() };
  const { lines } = state;
  let stopped = false;
  const begin = () => {
    if (stopped) return;
    state.sends = true;
    void reconcile(state);
  };
  const lease = leaseFor?.({ onHeld: begin, onLost: () => void endAll(state) });
  if (lease !== undefined) state.parts = { ...parts, deliver: onlyWhileHeld(parts.deliver, lease) };
  const heedEverywhere = everywhere(bus, 'webhooks', () => void reconcile(state));
  bus.subscribe(due, (id) => lines.get(id as number)?.sender.wake());

  return {
    start: () => (lease === undefined ? begin() : lease.start()),
    reconcile() {
      heedEverywhere();
      return state.queue;
    },
    wake: (id) => bus.publish(due, id),
    async tend() {
      if (lease !== undefined && !state.sends) return;
      while ((await deliveries.removeEnded(runtime.now() - retentionMs)) > 0);
      await reconcile(state);
      for (const { sender } of lines.values()) sender.wake();
    },
    async stop() {
      stopped = true;
      await endAll(state);
      await lease?.stop();
    },
  };
}

/** What is sent without the lease may be sent by another node as well. */
function onlyWhileHeld(deliver: Parts['deliver'], lease: Lease): Parts['deliver'] {
  return {
    async send(message, signal) {
      const isHeld = lease.isHeld();
      signal.throwIfAborted();
      if (!isHeld) throw new Error('another node sends');
      return deliver.send(message, signal);
    },
  };
}

function reconcile(state: State): Promise<void> {
  const { log } = state.parts;
  state.queue = state.queue
    .then(() => heed(state))
    .catch((err: unknown) => log.error({ err }, 'webhooks could not be read; it is tried again'));
  return state.queue;
}

async function heed(state: State): Promise<void> {
  const { lines, parts } = state;
  const { webhooks } = parts;
  if (!state.sends) return;
  const enabled = (await webhooks.list()).filter((webhook) => webhook.enabled);
  const current = new Map(enabled.map((webhook) => [webhook.id, webhook]));
  for (const [id, line] of lines) {
    if (line.failed || current.get(id)?.updatedAt !== line.updatedAt) await end(lines, id, line);
  }
  for (const { id } of enabled) {
    if (lines.has(id)) continue;
    // Read again: a line that has ended has moved the cursor.
    const webhook = await webhooks.find(id);
    if (!sends(state)) return;
    if (webhook?.enabled === true) await begin(parts, lines, webhook, () => void reconcile(state));
  }
}

/** Asked of a function, for it may have changed meanwhile. */
function sends({ sends: now }: State): boolean {
  return now;
}

/** Nothing is sent from now on; resolves when what was on its way is given up. */
function endAll(state: State): Promise<void> {
  const { lines, parts } = state;
  state.sends = false;
  for (const { sender } of lines.values()) sender.stop();
  const ended = state.queue.then(async () => {
    await Promise.all([...lines].map(([id, line]) => end(lines, id, line)));
  });
  state.queue = ended.catch((err: unknown) =>
    parts.log.error({ err }, 'how far webhooks were told could not be stored'),
  );
  return ended;
}

/** `again` is called when the webhook may have changed: the receiver was switched off, or another node has told it of something. */
async function begin(
  parts: DispatcherParts,
  lines: Lines,
  webhook: Webhook,
  again: () => void,
): Promise<void> {
  const { log } = parts;
  const line: Line = {
    updatedAt: webhook.updatedAt,
    collector: undefined,
    failed: false,
    sender: createSender(parts, webhook, { onEnded: () => line.collector?.onEnded(), onSwitchedOff: again }),
  };
  lines.set(webhook.id, line);
  line.sender.wake();
  const onFailure = (err: unknown) => {
    log.warn({ err, webhook: webhook.id }, 'events for a webhook could not be collected; it is tried again');
    line.failed = true;
    if (err instanceof CursorMoved) again();
  };
  try {
    line.collector = await createCollector(parts, webhook, { onCollected: line.sender.wake, onFailure });
  } catch (thrown) {
    onFailure(thrown);
  }
}

async function end(lines: Lines, id: number, line: Line): Promise<void> {
  lines.delete(id);
  line.sender.stop();
  await line.collector?.stop();
  await line.sender.idle();
}
