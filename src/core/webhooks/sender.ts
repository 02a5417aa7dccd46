import type { Delivery, WebhookDeliveries } from '../../storage/webhook-deliveries.ts';
import type { Webhook, Webhooks as WebhookRows } from '../../storage/webhooks.ts';
import { auditEntry } from '../audit.ts';
import type { Log } from '../log.ts';
import type { Runtime } from '../runtime.ts';
import { messageTo, type Deliver, type Outcome } from './deliver.ts';
import { pauseAfter, type RetrySchedule } from './retry-schedule.ts';

export interface SenderParts {
  webhooks: Pick<WebhookRows, 'find' | 'switchOff'>;
  deliveries: Pick<WebhookDeliveries, 'due' | 'nextDue' | 'settle'>;
  deliver: Pick<Deliver, 'send'>;
  schedule: RetrySchedule;
  /** Messages on their way to one receiver at once. */
  concurrency: number;
  /** How long a receiver may fail before it is switched off. */
  disableAfterMs: number;
  runtime: Runtime;
  log: Log;
}

/** Sends what is due to one receiver: the conversations side by side, each in its order. */
export interface Sender {
  /** To be called when something may be due. */
  wake(): void;
  /** Gives up what is on its way: it is sent again, by the next sender. */
  stop(): void;
  /** Resolves when nothing is on its way any more. */
  idle(): Promise<void>;
}

/** `onEnded` is called when a delivery has ended, `onSwitchedOff` when the receiver was switched off. */
export function createSender(
  parts: SenderParts,
  webhook: Webhook,
  events: { onEnded: () => void; onSwitchedOff: () => void },
): Sender {
  const { deliveries, concurrency, runtime, log } = parts;
  const stopping = new AbortController();
  const onTheirWay = new Map<number, Promise<void>>();
  let alarm = new AbortController();
  let running: Promise<void> | undefined;
  let woken = false;

  const send = async (delivery: Delivery) => {
    const settled = await attempt(parts, webhook, delivery, stopping.signal);
    onTheirWay.delete(delivery.id);
    if (settled?.ended) events.onEnded();
    if (settled?.switchedOff) events.onSwitchedOff();
    if (settled) wake();
  };

  const round = async () => {
    // What ends while the store is read must count as being on its way: it may have been read as due.
    const before = new Set(onTheirWay.keys());
    if (before.size >= concurrency) return;
    const now = runtime.now();
    const due = await deliveries.due(webhook.id, now, concurrency + before.size);
    const next = due.filter(({ id }) => !before.has(id)).slice(0, concurrency - before.size);
    if (stopping.signal.aborted) return;
    for (const delivery of next) onTheirWay.set(delivery.id, send(delivery));
    if (next.length === 0) await setAlarm(now);
  };

  const setAlarm = async (now: number) => {
    alarm.abort();
    alarm = new AbortController();
    const at = await deliveries.nextDue(webhook.id, now);
    if (at === undefined || stopping.signal.aborted) return;
    const signal = AbortSignal.any([alarm.signal, stopping.signal]);
    runtime.sleep(Math.min(at - now, longestSleepMs), signal).then(wake, () => {});
  };

  const run = async () => {
    try {
      while (woken && !stopping.signal.aborted) {
        woken = false;
        await round();
      }
    } catch (err) {
      log.error({ err, webhook: webhook.id }, 'what is due to a webhook could not be read');
    }
    running = undefined;
  };

  function wake(): void {
    woken = true;
    running ??= run();
  }

  return {
    wake,
    stop: () => stopping.abort(),
    async idle() {
      await running;
      await Promise.all(onTheirWay.values());
    },
  };
}

/** Timers take at most 2^31 - 1 milliseconds. */
const longestSleepMs = 24 * 60 * 60 * 1000;

/** Undefined where it was given up, or could not be written down: it is sent again. */
async function attempt(parts: SenderParts, webhook: Webhook, delivery: Delivery, signal: AbortSignal) {
  try {
    const message = messageTo(webhook, { id: delivery.eventId, body: delivery.payload }, parts.runtime);
    const outcome = await parts.deliver.send(message, signal);
    return signal.aborted ? undefined : await settle(parts, delivery, outcome);
  } catch (err) {
    const facts = { err, webhook: webhook.id, delivery: delivery.id };
    if (!signal.aborted) parts.log.error(facts, 'what came of a delivery could not be written down');
    return undefined;
  }
}

async function settle(parts: SenderParts, delivery: Delivery, outcome: Outcome) {
  const { deliveries, webhooks, schedule, disableAfterMs, runtime } = parts;
  const { statusCode, error, retryAfterMs = 0 } = outcome;
  const at = runtime.now();
  const pause = error === null ? undefined : pauseAfter(schedule, delivery.attempts + 1, runtime.random());
  const state = error === null ? 'delivered' : pause === undefined ? 'failed' : 'pending';
  const nextAt = at + Math.ceil(Math.max(pause ?? 0, Math.min(retryAfterMs, schedule.maxMs)));
  await deliveries.settle({ delivery, state, nextAt, statusCode, error, at });
  const ended = state !== 'pending';
  if (error === null) return { ended, switchedOff: false };
  const { failingSince = null } = (await webhooks.find(delivery.webhookId)) ?? {};
  const reason = reasonToSwitchOff(statusCode, failingSince, at - disableAfterMs);
  if (reason === undefined) return { ended, switchedOff: false };
  const target = { type: 'webhook', id: delivery.webhookId };
  const audit = auditEntry('Parley', at, 'webhook.disable', target, { reason, error });
  return { ended, switchedOff: await webhooks.switchOff(delivery.webhookId, reason, at, audit) };
}

/** A receiver that says that it is gone means it. */
function reasonToSwitchOff(
  statusCode: number | null,
  failingSince: number | null,
  limit: number,
): string | undefined {
  if (statusCode === 410) return 'It answered 410 Gone.';
  if (failingSince === null || failingSince > limit) return undefined;
  return `Nothing has arrived since ${new Date(failingSince).toISOString()}.`;
}
