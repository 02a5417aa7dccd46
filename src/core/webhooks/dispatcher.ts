import type { WebhookDeliveries } from '../../storage/webhook-deliveries.ts';
import type { Webhook, Webhooks as WebhookRows } from '../../storage/webhooks.ts';
import { createCollector, type Collector, type CollectorParts } from './collector.ts';
import { createSender, type Sender, type SenderParts } from './sender.ts';

type Parts = CollectorParts & SenderParts & { webhooks: WebhookRows; deliveries: WebhookDeliveries };

export interface DispatcherParts extends Parts {
  /** How long a delivery that has ended can be looked up, milliseconds. */
  retentionMs: number;
}

/** Tells receivers of what happens: at least once each, and what happens in one conversation in its order. */
export interface Dispatcher {
  /** Begins with what was not told before the process ended. */
  start(): void;
  /** To be called when a webhook was made, changed or removed; resolves when that is heeded, or could not be and will be later. */
  reconcile(): Promise<void>;
  /** To be called when a delivery may be due that was not made by the dispatcher. */
  wake(webhookId: number): void;
  /** Forgets old deliveries, and looks for what another process has changed. */
  tend(): Promise<void>;
  /** Stops sending; what is on its way is given up, to be sent again after the next start. */
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

export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const { webhooks, deliveries, retentionMs, runtime, log } = parts;
  const lines = new Map<number, Line>();
  let begun = false;
  let queue = Promise.resolve();

  const heed = async () => {
    if (!begun) return;
    const enabled = (await webhooks.list()).filter((webhook) => webhook.enabled);
    const current = new Map(enabled.map((webhook) => [webhook.id, webhook]));
    for (const [id, line] of lines) {
      if (line.failed || current.get(id)?.updatedAt !== line.updatedAt) await end(lines, id, line);
    }
    for (const { id } of enabled) {
      if (lines.has(id)) continue;
      // Read again: a line that has ended has moved the cursor.
      const webhook = await webhooks.find(id);
      if (webhook?.enabled === true) await begin(parts, lines, webhook, () => void reconcile());
    }
  };

  const reconcile = () =>
    (queue = queue
      .then(heed)
      .catch((err: unknown) => log.error({ err }, 'webhooks could not be read; it is tried again')));

  return {
    start() {
      begun = true;
      void reconcile();
    },
    reconcile,
    wake: (id) => lines.get(id)?.sender.wake(),
    async tend() {
      while ((await deliveries.removeEnded(runtime.now() - retentionMs)) > 0);
      await reconcile();
      for (const { sender } of lines.values()) sender.wake();
    },
    async stop() {
      begun = false;
      await queue;
      await Promise.all([...lines].map(([id, line]) => end(lines, id, line)));
    },
  };
}

type Lines = Map<number, Line>;

/** `onSwitchedOff` is called when the receiver was switched off. */
async function begin(
  parts: DispatcherParts,
  lines: Lines,
  webhook: Webhook,
  onSwitchedOff: () => void,
): Promise<void> {
  const { log } = parts;
  const line: Line = {
    updatedAt: webhook.updatedAt,
    collector: undefined,
    failed: false,
    sender: createSender(parts, webhook, { onEnded: () => line.collector?.onEnded(), onSwitchedOff }),
  };
  lines.set(webhook.id, line);
  line.sender.wake();
  const onFailure = (err: unknown) => {
    log.warn({ err, webhook: webhook.id }, 'events for a webhook could not be collected; it is tried again');
    line.failed = true;
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
