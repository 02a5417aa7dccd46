import type { Claim } from '../storage/idempotency-keys.ts';
import type { Settings } from '../storage/settings.ts';
import { auditEntry, type Actor } from './audit.ts';
import { invalidField, ParleyError } from './errors.ts';
import type { Idempotency, IdempotentWrites } from './idempotency.ts';
import { ownerOfActor, type Caller } from './identity/caller.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { Runtime } from './runtime.ts';

export interface MaintenanceState {
  enabled: boolean;
  /** What people are told; null for a text of ours. */
  message: string | null;
  /** When it was switched on; null while it is off. Milliseconds since the epoch. */
  since: number | null;
}

/** A switch with which an administrator closes the service to everybody else. */
export interface Maintenance {
  /** As far as this process knows. */
  get(): MaintenanceState;
  /** Throws `invalid_request` for a message of more than 500 characters. */
  set(
    enabled: boolean,
    message?: string | null,
    actor?: Actor,
    idempotency?: Idempotency,
  ): Promise<MaintenanceState>;
  /** Throws `maintenance` while the switch is on, unless an administrator asks. */
  check(caller: Caller): void;
  /** Reads the switch as it is stored: other processes may have moved it. */
  refresh(): Promise<void>;
}

const setting = 'maintenance';
const off: MaintenanceState = { enabled: false, message: null, since: null };
const pauseMs = 60_000;

/** The switch as the store has it, once `refresh` was called. */
export function createMaintenance(parts: {
  settings: Settings;
  idempotency: Pick<IdempotentWrites, 'once'>;
  runtime: Pick<Runtime, 'now'>;
  /** To be told when the switch was moved here. */
  onSet?: (() => void) | undefined;
}): Maintenance {
  const { settings, idempotency: writes, runtime, onSet } = parts;
  let state = off;
  let changes = 0;
  const stored = async () => (await settings.get<MaintenanceState>(setting)) ?? off;

  return {
    get: () => state,
    async set(enabled, message, actor = 'Parley', idempotency) {
      const now = runtime.now();
      const next = enabled ? { enabled, message: messageFrom(message), since: state.since ?? now } : off;
      const write = async (claim: Claim | undefined) => {
        const details = { enabled, message: next.message };
        const audit = auditEntry(actor, now, 'maintenance.set', { type: 'setting', id: setting }, details);
        await settings.set(setting, next, now, audit, claim);
        changes++;
        state = next;
        onSet?.();
        return next;
      };
      return writes.once(ownerOfActor(actor), idempotency, null, write, stored);
    },
    check(caller) {
      if (!state.enabled || (caller.kind === 'user' && caller.role === 'admin')) return;
      const text = state.message ?? 'The service is under maintenance. Try again later.';
      const verbatim = state.message !== null;
      throw new ParleyError('maintenance', text, { verbatim, retryable: true, retryAfterMs: pauseMs });
    },
    refresh: oneAtATime(async () => {
      const before = changes;
      const read = await stored();
      // What was set while this was read is newer.
      if (before === changes) state = read;
    }),
  };
}

function messageFrom(message: string | null | undefined): string | null {
  const text = (message ?? '').trim().toWellFormed();
  if (/^[^]{0,500}$/u.test(text)) return text === '' ? null : text;
  throw invalidField('message', { kind: 'length', max: 500 });
}
