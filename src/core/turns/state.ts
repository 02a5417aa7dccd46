import type { ApiCalls } from '../../storage/api-calls.ts';
import type { Conversations } from '../../storage/conversations.ts';
import type { Messages } from '../../storage/messages.ts';
import type { Turns as TurnRows } from '../../storage/turns.ts';
import type { Catalogue } from '../completions/catalogue.ts';
import type { CompletionsParts } from '../completions/completions.ts';
import type { IdempotentWrites } from '../idempotency.ts';
import type { UserCaller } from '../identity/caller.ts';
import type { Log } from '../log.ts';
import type { Feed } from '../realtime/feed.ts';
import type { Runtime } from '../runtime.ts';
import type { DayOf } from '../statistics/calendar.ts';
import type { Closing } from './closing.ts';
import type { InOrder } from './in-order.ts';
import type { LiveTurn } from './live-turn.ts';
import type { Question } from './turn.ts';
import type { TurnLine } from './turn-line.ts';

export interface TurnsParts {
  rows: TurnRows;
  conversations: Pick<Conversations, 'nextId' | 'find' | 'newestOf' | 'countOf'>;
  calls: Pick<ApiCalls, 'record'>;
  messages: Pick<Messages, 'nextId' | 'find' | 'contextBefore'>;
  completions: CompletionsParts;
  catalogue: Catalogue;
  idempotency: IdempotentWrites;
  feed: Pick<Feed, 'wake'>;
  dayOf: DayOf;
  runtime: Runtime;
  log: Log;
  /** Answers made at once, at most; beyond it questions are refused with `overloaded`. */
  atOnce: number;
  /** Conversations that a user may have. */
  conversationsPerUser: number;
  /** How long after its last message a contract's newest conversation is the current one. */
  idleMs: number;
}

/** A turn of this process. */
export interface ActiveTurn {
  id: number;
  conversationId: number;
  questionId: number;
  caller: UserCaller;
  question: Question;
  channel: string;
  systemPrompt: string | null;
  live: LiveTurn;
  controller: AbortController;
  /** By the monotonic clock. */
  began: number;
  /** Whether it had to wait when it was asked. */
  queued: boolean;
  /** Whether its question is committed. */
  stored: boolean;
}

/** What the process knows of its turns. */
export interface TurnsState {
  parts: TurnsParts;
  /** Names this process in the leases. */
  node: string;
  active: Map<number, ActiveTurn>;
  line: TurnLine<ActiveTurn>;
  /** By user: two questions at once that each would begin a current conversation begin one. */
  placing: InOrder<number>;
  closing: Closing;
  draining: boolean;
  /** Who waits until nothing is active. */
  idle: Set<() => void>;
}

/** How long a process may be silent before others close its turns. */
export const leaseMs = 30_000;
