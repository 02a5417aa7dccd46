import type { LoginContract } from '../support/accounts.ts';
import type { ByOwner, Expected } from './expected.ts';

/** A route or socket in the matrix. */
export interface Entry {
  /** What an open gateway (on loopback) and a closed one say. */
  open: Expected;
  closed: Expected;
  /** What of all that is stored it reads or changes. */
  objects: 'none' | ObjectCase[];
  /** Of a socket: every frame that clients may send. */
  frames?: Record<string, FrameCase>;
  /** The same of a socket whose frames name sessions. */
  sessionFrames?: Record<string, SessionFrameCase>;
  /** Where the route's own address is only a pattern. */
  at?: string;
  /** What to send; a new one each time. */
  body?: () => object;
  headers?: Record<string, string>;
  /** The contract whose tokens are shown; assistant's where it is left out. */
  issuer?: LoginContract;
  /** The call uses the login up, so each caller logs in anew for it. */
  endsLogin?: boolean;
}

/** Something that is stored and that a request can name. */
export interface Target {
  /** A session’s number, or what else its kind is named by. */
  id: number | string;
  /** The answer in it. */
  turnId: number;
  /** The number of the conversation that it is, or is in. */
  conversationId?: number;
  /** What it is part of. */
  parent?: number;
}

export interface Sent {
  at: string;
  body?: object;
  headers?: Record<string, string>;
}

export type ObjectCase =
  | NamedObject
  /** A list of what is the caller's own; it holds nothing of others. */
  | { kind: 'list'; at: string }
  /** A list of everybody's, for those who may see it: `shows` is what of a new conversation of the victim's. */
  | { kind: 'everybody’s list'; at: string; shows: 'id' | 'word' | 'owner' }
  /** Figures of what is the caller's own, or for staff of everybody's. */
  | { kind: 'figures'; at: string }
  /** Figures of what is the caller's own, for staff too. */
  | { kind: 'own figures'; at: string }
  /** A contract's one running chat: `none` is for callers who have not begun one. */
  | { kind: 'current chat'; at: string; body?: object; none: Expected };

/** What is kept for all, by those who have the right: it is nobody's own. */
export type Kept =
  'API key' | 'account' | 'agent' | 'article' | 'canned reply' | 'customer' | 'delivery' | 'webhook';

export interface NamedObject extends ByOwner {
  /** A guest session belongs to nobody; its others' are somebody's. */
  kind: 'session' | 'session key' | 'guest session' | 'conversation' | 'turn' | Kept;
  /** Where the request names it. */
  where: string;
  /** `own` is the caller's. */
  send(target: Target, own: Target): Sent;
  /** Takes an `Idempotency-Key`: one that another user had used is as good as a new one. */
  repeatable?: boolean;
  /** Some may change another's: that must not be one that is looked at afterwards. */
  changes?: boolean;
}

/** A frame, to a session or chat of one's own; where the socket is refused, the frame is not heard. */
export interface FrameCase {
  send: object;
  /** The type of the frame that answers it; undefined where none does. */
  answer?: string;
  /** Where it names something: what makes that first, and the same frame about what is another's, or nobody's. */
  named?: { first: object; others: object; missing: object };
}

/** A frame that names a session. */
export interface SessionFrameCase {
  send(sessionId: string): object;
  /** The type of the frame that answers it; undefined where none does. */
  answer?: string;
  /** What it is refused with, of customers, and of staff in a session that is not their own; undefined where it is not. */
  customers?: string;
  staff?: string;
  /** It is heard whatever the session is. */
  namesNone?: boolean;
}
