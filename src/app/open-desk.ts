import type { AuditLog } from '../core/audit.ts';
import type { Catalogue } from '../core/completions/catalogue.ts';
import type { CompletionsParts } from '../core/completions/completions.ts';
import { createDeskAgents } from '../core/desk/agents.ts';
import { createAssignment, type Assignment } from '../core/desk/assignment.ts';
import { createCannedReplies } from '../core/desk/canned-replies.ts';
import { createDesk } from '../core/desk/create-desk.ts';
import { createDeskFeed } from '../core/desk/desk-feed.ts';
import { createExports } from '../core/desk/export.ts';
import { createKeptSettings, type KeptSettings } from '../core/desk/kept-settings.ts';
import { createNotes } from '../core/desk/notes.ts';
import { createPresence } from '../core/desk/presence.ts';
import type { StaffCore } from '../core/desk/staff-core.ts';
import { createStaffReceipts } from '../core/desk/receipts.ts';
import { createHousekeeping } from '../core/housekeeping.ts';
import type { IdempotentWrites } from '../core/idempotency.ts';
import type { Ground } from '../core/knowledge/grounding.ts';
import type { Log } from '../core/log.ts';
import type { Feed } from '../core/realtime/feed.ts';
import { everywhere } from '../core/realtime/everywhere.ts';
import { createSignals } from '../core/realtime/signals.ts';
import type { Runtime } from '../core/runtime.ts';
import type { DayOf } from '../core/statistics/calendar.ts';
import type { Storage } from '../storage/storage.ts';
import type { OpenedNode } from './open-node.ts';

export interface OpenDeskParts {
  storage: Storage;
  node: Pick<OpenedNode, 'bus' | 'nodes'>;
  completions: CompletionsParts;
  settings: KeptSettings;
  auditLog: AuditLog;
  idempotency: IdempotentWrites;
  feed: Feed;
  ground: Ground;
  /** What a running answer has said so far. */
  textOf: (id: number) => Promise<string>;
  dayOf: DayOf;
  runtime: Runtime;
  log: Log;
}

/** An agent who reconnects within this was never gone. */
const absenceMs = 5_000;

/** The helpdesk's settings as they were left; other nodes tell of their changes at once. */
export async function openDeskSettings(parts: {
  storage: Pick<Storage, 'settings'>;
  node: Pick<OpenedNode, 'bus'>;
  catalogue: Catalogue;
  idempotency: IdempotentWrites;
  runtime: Runtime;
  log: Log;
}): Promise<KeptSettings> {
  const onSet = everywhere(parts.node.bus, 'desk-settings', () => {
    settings
      .refresh()
      .catch((err: unknown) => parts.log.error({ err }, 'settings of the helpdesk could not be read'));
  });
  const settings = createKeptSettings({ ...parts, settings: parts.storage.settings, onSet });
  await settings.refresh();
  return settings;
}

/** Who is there, and what is given to them. */
function openAssignment({ storage, node, settings, feed, dayOf, runtime, log }: OpenDeskParts) {
  const { agents, ownership, waitingLine: line } = storage;
  const { bus, nodes } = node;
  const presence = createPresence({ agents, bus, nodeId: nodes.id, runtime, log, graceMs: absenceMs });
  const { wake } = feed;
  const assignment = createAssignment({
    line,
    agents,
    ownership,
    presence,
    settings,
    wake,
    dayOf,
    runtime,
    log,
  });
  const look = () => void assignment.look();
  presence.watch(look);
  settings.watch(look);
  return { presence, assignment, look };
}

/** What staff do, over the store. */
export function openDesk(parts: OpenDeskParts) {
  const { storage, settings, idempotency, feed, runtime, log } = parts;
  const { conversations, messages, ownership, users } = storage;
  const { wake } = feed;
  const { presence, assignment, look } = openAssignment(parts);
  const desk = createDesk({
    ...parts,
    lists: storage.deskLists,
    details: storage.deskDetails,
    customers: storage.customers,
    conversations,
    messages,
    ownership,
    users,
    wake,
  });
  const staff: StaffCore = {
    desk,
    deskSettings: settings,
    presence,
    deskFeed: createDeskFeed({
      feed: parts.feed,
      conversations,
      notes: storage.notes,
      users,
      present: desk.present,
      receipts: createStaffReceipts({ messages, runtime, wake, log }),
    }),
    signals: createSignals({
      bus: parts.node.bus,
      onError: (err) => log.error({ err }, 'a signal could not be passed on'),
    }),
    notes: createNotes({ rows: storage.notes, conversations, idempotency, runtime, wake }),
    cannedReplies: createCannedReplies({ rows: storage.cannedReplies, idempotency, runtime }),
    exports: createExports({ ...storage, auditLog: parts.auditLog, desk }),
    agents: createDeskAgents({
      rows: storage.agents,
      ownership,
      presence,
      settings,
      idempotency,
      runtime,
      onRoom: look,
    }),
  };
  return {
    staff,
    /** To be called whenever something begins to wait, or somebody has room again. */
    look,
    /** Looks every second for what other processes have done; once stopped, nothing is given to anybody. */
    watch: watchOthers(parts, assignment),
    presence,
  };
}

function watchOthers({ settings, log }: OpenDeskParts, assignment: Assignment) {
  const tasks = { 'settings of the helpdesk': settings.refresh, assignment: assignment.look };
  const { start, stop } = createHousekeeping({ tasks, everyMs: 1000, log });
  return {
    start,
    stop() {
      stop();
      assignment.stop();
    },
  };
}
