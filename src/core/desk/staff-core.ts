import type { DeskAgents } from './agents.ts';
import type { CannedReplies } from './canned-replies.ts';
import type { DeskFeed } from './desk-feed.ts';
import type { Desk } from './desk.ts';
import type { Exports } from './export.ts';
import type { KeptSettings } from './kept-settings.ts';
import type { Notes } from './notes.ts';
import type { Signals } from '../realtime/signals.ts';
import type { Presence } from './presence.ts';

/** The part of core that serves those who answer customers. */
export interface StaffCore {
  desk: Desk;
  notes: Notes;
  cannedReplies: CannedReplies;
  exports: Exports;
  deskSettings: Pick<KeptSettings, 'get' | 'set'>;
  agents: DeskAgents;
  presence: Presence;
  deskFeed: DeskFeed;
  /** Between all who take part. */
  signals: Signals;
}
