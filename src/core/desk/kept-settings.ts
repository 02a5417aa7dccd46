import type { Settings } from '../../storage/settings.ts';
import { auditEntry } from '../audit.ts';
import type { Catalogue } from '../completions/catalogue.ts';
import { invalidField, ParleyError } from '../errors.ts';
import type { Idempotency, IdempotentWrites } from '../idempotency.ts';
import { ownerOf, type UserCaller } from '../identity/caller.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import type { Runtime } from '../runtime.ts';
import { defaultDeskSettings, type DeskSettings } from './desk-settings.ts';

/** New values; what is left out stays. */
export type DeskSettingsChange = {
  [Name in Exclude<keyof DeskSettings, 'handoff'>]?: DeskSettings[Name] | undefined;
} & { handoff?: { [Name in keyof DeskSettings['handoff']]?: boolean | undefined } | undefined };

/** The helpdesk's settings. */
export interface KeptSettings {
  /** As far as this process knows. */
  get(): DeskSettings;
  /** Throws `invalid_request` with the field at fault, `model_not_found`. */
  set(caller: UserCaller, change: DeskSettingsChange, idempotency?: Idempotency): Promise<DeskSettings>;
  /** Reads the settings as they are stored: other processes may have changed them. */
  refresh(): Promise<void>;
  /** Calls `listener` when this process has learnt of a change, until the returned function is called. */
  watch(listener: () => void): () => void;
}

export interface KeptSettingsParts {
  settings: Settings;
  catalogue: Pick<Catalogue, 'get'>;
  idempotency: Pick<IdempotentWrites, 'once'>;
  runtime: Pick<Runtime, 'now'>;
  /** To be told when settings were changed here. */
  onSet?: (() => void) | undefined;
}

const setting = 'helpdesk';
const target = { type: 'setting', id: setting };
const bounds = { capacity: { min: 1, max: 1000 }, burstMs: { min: 0, max: 10_000 } };
const promptCharacters = 16_000;
/** Characters, not code units. */
const shortPrompt = /^[^]{0,16000}$/u;

/** The settings as the store has them, once `refresh` was called. */
export function createKeptSettings(parts: KeptSettingsParts): KeptSettings {
  const { settings, runtime, idempotency } = parts;
  const listeners = new Set<() => void>();
  let known = defaultDeskSettings;
  let changes = 0;

  const read = async () =>
    merged(defaultDeskSettings, (await settings.get<DeskSettingsChange>(setting)) ?? {});
  const learn = (next: DeskSettings) => {
    if (JSON.stringify(next) === JSON.stringify(known)) return;
    known = next;
    for (const listener of listeners) listener();
  };

  return {
    get: () => known,
    set(caller, change, key) {
      refuseWrong(change, parts.catalogue);
      return idempotency.once(
        ownerOf(caller),
        key,
        null,
        async (claim) => {
          // Another process may have changed what this change leaves out.
          const next = merged(await read(), change);
          const at = runtime.now();
          const audit = auditEntry(caller, at, 'settings.update', target, { ...change });
          await settings.set(setting, next, at, audit, claim);
          changes++;
          learn(next);
          parts.onSet?.();
          return next;
        },
        read,
      );
    },
    refresh: oneAtATime(async () => {
      const before = changes;
      const stored = await read();
      // What was set while this was read is newer.
      if (before === changes) learn(stored);
    }),
    watch(listener) {
      const own = () => listener();
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}

function merged(settings: DeskSettings, change: DeskSettingsChange): DeskSettings {
  const { handoff = {}, ...rest } = change;
  const given = <T extends object>(values: T) =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  return {
    ...settings,
    ...given(rest),
    handoff: { ...settings.handoff, ...given(handoff) },
  };
}

function refuseWrong(change: DeskSettingsChange, catalogue: Pick<Catalogue, 'get'>): void {
  for (const [name, { min, max }] of Object.entries(bounds)) {
    const value = change[name as keyof typeof bounds];
    if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) continue;
    throw invalidField(name, { kind: 'range', min, max, whole: true });
  }
  const { systemPrompt, model } = change;
  if (typeof systemPrompt === 'string' && !shortPrompt.test(systemPrompt)) {
    throw invalidField('systemPrompt', { kind: 'length', max: promptCharacters });
  }
  if (typeof model === 'string' && catalogue.get(model) === undefined) {
    throw new ParleyError('model_not_found', `model: there is no model "${model}"`, { field: 'model' });
  }
}
