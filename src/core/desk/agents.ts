import type { AgentRow, Agents as AgentRows } from '../../storage/agents.ts';
import type { Ownership } from '../../storage/ownership.ts';
import { auditEntry } from '../audit.ts';
import { invalidField, ParleyError } from '../errors.ts';
import type { Idempotency, IdempotentWrites } from '../idempotency.ts';
import { ownerOf, type StaffCaller } from '../identity/caller.ts';
import type { Runtime } from '../runtime.ts';
import type { KeptSettings } from './kept-settings.ts';
import type { Availability, Presence } from './presence.ts';

/** Somebody who answers customers: an active account of an agent or administrator. */
export interface DeskAgent {
  id: number;
  name: string;
  email: string;
  role: 'agent' | 'admin';
  availability: Availability;
  /** Conversations at once that are given to the agent by themselves: the agent's own number, else the setting's. */
  capacity: number;
  /** Null where the setting's holds. */
  ownCapacity: number | null;
  openConversations: number;
}

/** Those who answer customers. */
export interface DeskAgents {
  /** In the order in which their accounts were made. */
  list(caller: StaffCaller): Promise<DeskAgent[]>;
  /** With null, the setting's holds again. Throws `not_found`, and `invalid_request` unless it is a whole number from 0 to 1000. */
  setCapacity(
    caller: StaffCaller,
    id: number,
    capacity: number | null,
    idempotency?: Idempotency,
  ): Promise<DeskAgent>;
}

export interface DeskAgentsParts {
  rows: Pick<AgentRows, 'list' | 'find' | 'setCapacity'>;
  ownership: Pick<Ownership, 'openCountsOf'>;
  presence: Pick<Presence, 'of'>;
  settings: Pick<KeptSettings, 'get'>;
  idempotency: Pick<IdempotentWrites, 'once'>;
  runtime: Pick<Runtime, 'now'>;
  /** Called when somebody may have more room than before. */
  onRoom: () => void;
}

const mostCapacity = 1000;

export function createDeskAgents(parts: DeskAgentsParts): DeskAgents {
  const { rows, runtime } = parts;
  const shown = async (id: number): Promise<DeskAgent> => {
    const row = await rows.find(id);
    if (row === undefined) throw noSuchAgent();
    const open = await parts.ownership.openCountsOf([id]);
    return agentOf(parts, row, open);
  };
  return {
    async list() {
      const all = await rows.list();
      const open = await parts.ownership.openCountsOf(all.map(({ id }) => id));
      return all.map((row) => agentOf(parts, row, open));
    },
    setCapacity(caller, id, capacity, key) {
      if (capacity !== null && !(Number.isInteger(capacity) && capacity >= 0 && capacity <= mostCapacity)) {
        throw invalidField('capacity', { kind: 'range', min: 0, max: mostCapacity, whole: true });
      }
      return parts.idempotency.once(
        ownerOf(caller),
        key,
        { id },
        async (claim) => {
          const at = runtime.now();
          const audit = auditEntry(caller, at, 'agent.update', { type: 'user', id }, { capacity });
          if (!(await rows.setCapacity(id, capacity, at, claim, audit))) throw noSuchAgent();
          parts.onRoom();
          return shown(id);
        },
        () => shown(id),
      );
    },
  };
}

function agentOf(
  { presence, settings }: Pick<DeskAgentsParts, 'presence' | 'settings'>,
  { id, name, email, role, capacity }: AgentRow,
  open: Map<number, number>,
): DeskAgent {
  return {
    id,
    name,
    email,
    role: role as DeskAgent['role'],
    availability: presence.of(id),
    capacity: capacity ?? settings.get().capacity,
    ownCapacity: capacity,
    openConversations: open.get(id) ?? 0,
  };
}

function noSuchAgent(): ParleyError {
  return new ParleyError('not_found', 'There is no such agent, or the account is not active.');
}
