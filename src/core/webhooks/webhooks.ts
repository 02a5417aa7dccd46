import type { ListedDelivery, WebhookDeliveries } from '../../storage/webhook-deliveries.ts';
import type { Webhook as WebhookRow, Webhooks as WebhookRows } from '../../storage/webhooks.ts';
import { auditEntry, type AuditLog } from '../audit.ts';
import { conflict, invalidField, ParleyError } from '../errors.ts';
import type { Idempotency, IdempotentWrites } from '../idempotency.ts';
import { ownerOf, type UserCaller } from '../identity/caller.ts';
import type { Feed } from '../realtime/feed.ts';
import type { Runtime } from '../runtime.ts';
import { messageTo, type Deliver, type Outcome } from './deliver.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { WebhookEvent, WebhookEventType } from './event.ts';
import { secretOf } from './signature.ts';

export type { DeliveryState, ListedDelivery } from '../../storage/webhook-deliveries.ts';

/** A receiver of events as administrators see it: without its secrets. */
export type Webhook = Omit<WebhookRow, 'secret' | 'oldSecret' | 'oldSecretUntil' | 'cursor'>;

/** What an administrator decides. */
export interface WebhookInput {
  url: string;
  /** Up to 500 characters. */
  description?: string | undefined;
  events: readonly WebhookEventType[];
  enabled?: boolean | undefined;
}

/** The secret is known where it was just made; a repeat does not show it again. */
export interface WithSecret {
  webhook: Webhook;
  secret: string | null;
}

/** Receivers of events, for administrators. An id that there is not is `not_found`. */
export interface Webhooks {
  /** In the order of their making. */
  list(): Promise<Webhook[]>;
  get(id: number): Promise<Webhook>;
  /** Told of what happens from now on. Throws `invalid_request`, and `quota_exceeded` beyond 100. */
  create(caller: UserCaller, input: WebhookInput, idempotency?: Idempotency): Promise<WithSecret>;
  /** What is left out stays. One that is enabled again is not told of what happened meanwhile. Throws `invalid_request`. */
  update(
    caller: UserCaller,
    id: number,
    input: Partial<WebhookInput>,
    idempotency?: Idempotency,
  ): Promise<Webhook>;
  remove(caller: UserCaller, id: number, idempotency?: Idempotency): Promise<void>;
  /** The secret of before signs beside the new one for a day. */
  rotate(caller: UserCaller, id: number, idempotency?: Idempotency): Promise<WithSecret>;
  /** Sends an event `ping`, now and once, also where the webhook is switched off. */
  test(caller: UserCaller, id: number, signal: AbortSignal): Promise<Outcome>;
  /** Newest first; `total` is counted up to 10,000. */
  deliveries(
    id: number,
    page: { skip: number; limit: number },
  ): Promise<{ deliveries: ListedDelivery[]; total: number }>;
  /** One more attempt, now. Throws `conflict` where it was delivered, or the webhook is switched off. */
  retry(
    caller: UserCaller,
    id: number,
    deliveryId: number,
    idempotency?: Idempotency,
  ): Promise<ListedDelivery>;
}

export interface WebhooksParts {
  webhooks: WebhookRows;
  deliveries: WebhookDeliveries;
  dispatcher: Pick<Dispatcher, 'reconcile' | 'wake'>;
  deliver: Deliver;
  present: (event: WebhookEvent) => unknown;
  feed: Pick<Feed, 'head'>;
  auditLog: Pick<AuditLog, 'add'>;
  idempotency: Pick<IdempotentWrites, 'once'>;
  runtime: Runtime;
}

const secretBytes = 32;
const mostWebhooks = 100;
const bothSecretsMs = 24 * 60 * 60 * 1000;

export function createWebhooks(parts: WebhooksParts): Webhooks {
  const { webhooks, deliveries, runtime } = parts;
  return {
    list: async () => (await webhooks.list()).map(shown),
    get: async (id) => shown(await found(parts, id)),
    ...createWrites(parts),
    async test(caller, id, signal) {
      const webhook = await found(parts, id);
      const event: WebhookEvent = { id: `evt_${runtime.token(12)}`, type: 'ping', at: runtime.now() };
      await parts.auditLog.add(caller, 'webhook.test', { type: 'webhook', id });
      const body = JSON.stringify(parts.present(event));
      return parts.deliver.send(messageTo(webhook, { id: event.id, body }, runtime), signal);
    },
    async deliveries(id, page) {
      await found(parts, id);
      return deliveries.list(id, page);
    },
    retry: createRetry(parts),
  };
}

type Write = (claim: Parameters<WebhookRows['update']>[1]) => Promise<boolean>;

function createWrites(parts: WebhooksParts): Pick<Webhooks, 'create' | 'update' | 'remove' | 'rotate'> {
  const { webhooks, dispatcher, idempotency: writes, runtime } = parts;

  /** Writes once, and lets the dispatcher heed it; false for a repeat. `write` says false where there is no such webhook. */
  const once = (caller: UserCaller, idempotency: Idempotency | undefined, write: Write) =>
    writes.once(
      ownerOf(caller),
      idempotency,
      null,
      async (claim) => {
        if (!(await write(claim))) throw noSuchWebhook();
        await dispatcher.reconcile();
        return true;
      },
      () => Promise.resolve(false),
    );

  return {
    create: createCreation(parts),
    async update(caller, id, input, idempotency) {
      await once(caller, idempotency, async (claim) => {
        const before = await found(parts, id);
        const { url, description, events, enabled } = checked(parts, { ...before, ...given(input) });
        const cursor = enabled && !before.enabled ? await parts.feed.head() : undefined;
        const update = { id, url, description, events, enabled, cursor, at: changedAt(parts, before) };
        return webhooks.update(update, claim, auditOf(parts, caller, 'update', id, given(input)));
      });
      return shown(await found(parts, id));
    },
    async remove(caller, id, idempotency) {
      await once(caller, idempotency, (claim) =>
        webhooks.remove(id, runtime.now(), claim, auditOf(parts, caller, 'delete', id)),
      );
    },
    async rotate(caller, id, idempotency) {
      const secret = secretOf(runtime.token(secretBytes));
      const isNew = await once(caller, idempotency, async (claim) => {
        const at = changedAt(parts, await found(parts, id));
        const rotation = { id, secret, oldSecretUntil: runtime.now() + bothSecretsMs, at };
        return webhooks.rotate(rotation, claim, auditOf(parts, caller, 'rotate', id));
      });
      return { webhook: shown(await found(parts, id)), secret: isNew ? secret : null };
    },
  };
}

function createCreation(parts: WebhooksParts): Webhooks['create'] {
  const { webhooks, dispatcher, idempotency: writes, runtime } = parts;
  return async (caller, input, idempotency) => {
    const secret = secretOf(runtime.token(secretBytes));
    const settings = checked(parts, input);
    const made = await writes.once<{ id: number; secret: string | null }>(
      ownerOf(caller),
      idempotency,
      null,
      async (claim) => {
        if ((await webhooks.list()).length >= mostWebhooks) throw tooMany();
        const cursor = await parts.feed.head();
        const by = { secret, cursor, createdBy: caller.userId, createdAt: runtime.now() };
        const { url, events, enabled } = settings;
        const audit = auditOf(parts, caller, 'create', null, { url, events, enabled });
        const id = await webhooks.create({ ...settings, ...by }, claim, audit);
        await dispatcher.reconcile();
        return { id, secret };
      },
      (result) => Promise.resolve({ id: (result as { webhookId: number }).webhookId, secret: null }),
    );
    return { webhook: shown(await found(parts, made.id)), secret: made.secret };
  };
}

function auditOf(
  { runtime }: WebhooksParts,
  caller: UserCaller,
  verb: string,
  id: number | null,
  details?: Record<string, unknown>,
) {
  return auditEntry(caller, runtime.now(), `webhook.${verb}`, { type: 'webhook', id }, details);
}

/** Rises with every change: the dispatcher knows a changed webhook by it. */
function changedAt({ runtime }: WebhooksParts, { updatedAt }: Webhook): number {
  return Math.max(runtime.now(), updatedAt + 1);
}

function createRetry(parts: WebhooksParts): Webhooks['retry'] {
  const { deliveries, dispatcher, idempotency: writes, runtime } = parts;
  return async (caller, id, deliveryId, idempotency) => {
    const read = async () => {
      const delivery = await deliveries.find(id, deliveryId);
      if (delivery !== undefined) return delivery;
      throw new ParleyError('not_found', 'There is no such delivery.');
    };
    return writes.once(
      ownerOf(caller),
      idempotency,
      null,
      async (claim) => {
        const { enabled } = await found(parts, id);
        await read();
        if (!enabled) throw conflict({ kind: 'switched_off' });
        const at = runtime.now();
        const audit = auditEntry(
          caller,
          at,
          'webhook.retry',
          { type: 'webhook', id },
          { delivery: deliveryId },
        );
        if (!(await deliveries.retry(id, deliveryId, at, claim, audit))) {
          throw conflict({ kind: 'arrived' });
        }
        dispatcher.wake(id);
        return read();
      },
      read,
    );
  };
}

/** Throws `invalid_request`. */
function checked(
  { deliver }: WebhooksParts,
  input: Omit<WebhookInput, 'events'> & { events: readonly string[] },
) {
  const { url, description = '', enabled = true } = input;
  deliver.check(url);
  const events = [...new Set(input.events)];
  if (events.length === 0) throw invalidField('events', { kind: 'count', min: 1 });
  if (!/^[^]{0,500}$/u.test(description)) throw invalidField('description', { kind: 'length', max: 500 });
  return { url, description: description.toWellFormed(), events, enabled };
}

/** Without what was left out. */
function given(input: Partial<WebhookInput>): Partial<WebhookInput> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}

async function found({ webhooks }: WebhooksParts, id: number): Promise<WebhookRow> {
  const webhook = await webhooks.find(id);
  if (webhook === undefined) throw noSuchWebhook();
  return webhook;
}

function shown(row: WebhookRow): Webhook {
  const { secret: _, oldSecret: _old, oldSecretUntil: _until, cursor: _cursor, ...webhook } = row;
  return webhook;
}

function noSuchWebhook(): ParleyError {
  return new ParleyError('not_found', 'There is no such webhook.');
}

function tooMany(): ParleyError {
  return new ParleyError('quota_exceeded', `There are ${mostWebhooks} webhooks already: remove one first.`);
}
