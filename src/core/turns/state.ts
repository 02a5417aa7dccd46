import type { ApiCalls } from '../../storage/api-calls.ts';
import type { Conversations } from '../../storage/conversations.ts';
import type { Messages } from '../../storage/messages.ts';
import type { Ownership } from '../../storage/ownership.ts';
import type { Posts } from '../../storage/posts.ts';
import type { Turns as TurnRows } from '../../storage/turns.ts';
import type { Catalogue } from '../completions/catalogue.ts';
import type { CompletionsParts } from '../completions/completions.ts';
import type { DeskSettings } from '../desk/desk-settings.ts';
import type { IdempotentWrites } from '../idempotency.ts';
import type { Participant } from '../identity/caller.ts';
import type { Ground } from '../knowledge/grounding.ts';
import type { Log } from '../log.ts';
import type { Nodes } from '../nodes/nodes.ts';
import type { Bus } from '../realtime/bus.ts';
import type { Feed } from '../realtime/feed.ts';
import type { Runtime } from '../runtime.ts';
import type { DayOf } from '../statistics/calendar.ts';
import type { Closing } from './closing.ts';
import type { Burst, Pause } from './gathering.ts';
import type { InOrder } from './in-order.ts';
import type { LiveTurn } from './live-turn.ts';
import type { Made } from './make-answer.ts';
import type { Relays } from './relay.ts';
import type { Question } from './turn.ts';
import type { TurnLine } from './turn-line.ts';

export interface TurnsParts {
  rows: TurnRows;
  posts: Posts;
  ownership: Pick<Ownership, 'change'>;
  conversations: Pick<Conversations, 'nextId' | 'find' | 'newestOf' | 'countOf' | 'lastPlaceOf'>;
  calls: Pick<ApiCalls, 'record' | 'list'>;
  messages: Pick<Messages, 'nextId' | 'find' | 'contextBefore' | 'mediaOf'>;
  completions: CompletionsParts;
  /** What the knowledge base has to say to helpdesk's customers. */
  ground: Ground;
  catalogue: Catalogue;
  idempotency: IdempotentWrites;
  feed: Pick<Feed, 'wake'>;
  bus: Bus;
  nodes: Nodes;
  /** Whether other nodes may use the store at the same time. */
  shared: boolean;
  dayOf: DayOf;
  runtime: Runtime;
  log: Log;
  /** Answers made at once, at most; beyond it questions are refused with `overloaded`. */
  atOnce: number;
  /** Conversations that a user may have. */
  conversationsPerUser: number;
  /** How long after its last message a contract's newest conversation is the current one. */
  idleMs: number;
  settings: () => Pick<DeskSettings, 'burstMs' | 'handoff'>;
  /** A conversation waits for a person from now on. */
  onWaiting: (conversationId: number) => void;
  /** An agent has a conversation less. */
  onFree: (agentId: number) => void;
}

/** A question as a turn keeps it: what it says is read from the store. */
export type KeptQuestion = Omit<Question, 'text' | 'parts'>;

/** A turn of this process. */
export interface ActiveTurn {
  id: number;
  conversationId: number;
  /** The last of those that it answers. */
  questionId: number;
  caller: Participant;
  question: KeptQuestion;
  channel: string;
  systemPrompt: string | null;
  live: LiveTurn;
  controller: AbortController;
  /** Null where it answers one question. */
  burst: Burst | null;
  /** How far it is: `calling` while the model is asked, `done` when it asks nobody any more. */
  step: 'waiting' | 'starting' | 'calling' | 'done';
  /** Breaks off the call that is on its way; null where none is. */
  call: AbortController | null;
  /** Where another question is about to join. */
  pause: Pause | null;
  /** The store's number of it, at which alone it may write. */
  fence: number;
  running: boolean;
  /** How the making ended, where it has begun. */
  made: PromiseWithResolvers<Made>;
  /** Who is in charge changes: whoever changes it brings the turn to its end. */
  givenUp: boolean;
  /** Whether its end is on its way into the store. */
  closing: boolean;
  /** Somebody else makes it, or has closed it: what it says from now on is nobody's. */
  taken: boolean;
  /** It is left to another node: it says nothing any more. */
  leaving: boolean;
  /** By the monotonic clock. */
  began: number;
  /** Whether it is to be started in the store. */
  queued: boolean;
  /** Whether its question is committed. */
  stored: boolean;
}

/** What the process knows of its turns. */
export interface TurnsState {
  parts: TurnsParts;
  /** Names this process in the leases. */
  node: string;
  /** Turns of this process that have not ended. */
  active: Map<number, ActiveTurn>;
  line: TurnLine<ActiveTurn>;
  /** By user: two questions at once that each would begin a current conversation begin one. */
  placing: InOrder<number>;
  /** By conversation: what is asked, and changes of who is in charge. */
  order: InOrder<number>;
  /** By turn: questions that join it. */
  joining: InOrder<number>;
  closing: Closing;
  /** What other nodes are told of the turns here. */
  relays: Relays;
  /** Turns of others that are being brought to their end here, or put into their line. */
  settling: Set<number>;
  leases: LeaseState;
  /** Other nodes that serve, with when they were heard of last, by the monotonic clock. */
  peers: Map<string, number>;
  /** Whether turns that are found may be made at once: the models are known. */
  resumed: boolean;
  /** Makes the answer of a turn whose time has come. */
  run: (turn: ActiveTurn) => void;
  draining: boolean;
  /** Conversations with turns that are left to the next process, where no other node can make them. */
  left: Set<number>;
  /** Who waits until nothing is active. */
  idle: Set<() => void>;
}

/** How a node has kept its leases; times are of the wall clock. */
export interface LeaseState {
  renewedAt: number;
  /** When the store could last not be asked in time: others could not renew their leases then either. */
  failedAt: number;
  lookedAt: number;
}

/** How long a node may be silent before others close its turns. */
export const leaseMs = 6_000;
