import type { Moments } from './moments.ts';
import { questionIn, questionText, type Pace, type Picture } from './questions.ts';

/** What clients know, and nothing that only the server knows. */
export interface Records {
  /** When each life of the server was launched. */
  launches: number[];
  /** How many servers share the store: one may go on with what another was cut off from. */
  servers: number;
  askings: Asking[];
  calls: StatelessCall[];
  sessions: SessionRecord[];
  logins: LoginRecord[];
  watches: WatchRecord[];
  /** Whether the database is away. */
  isHindered: boolean;
  /** Answers that were stopped, and how much the vendor had said of each when the stop was acknowledged. */
  stops: { id: string; told: number }[];
  /** Sockets that were closed on their clients, and how. */
  closes: { name: string; code: number; at: number }[];
  /** What a client itself saw that must never be. */
  faults: string[];
}

/** A question put to a conversation. */
export interface Asking {
  /** In its text, and its idempotency key. */
  id: string;
  door: string;
  user: string;
  text: string;
  /** Undefined as long as the client was not told. */
  sessionId: number | undefined;
  questionId: number | undefined;
  answerId: number | undefined;
  /** In which life of the server the client began to ask. */
  life: number;
  /** Whether somebody asked for its answer to be stopped. */
  stopped: boolean;
  /** Whether the database was away while it was to be answered. */
  hindered: boolean;
  /** What of the exchange was removed, or is to be. */
  removed: Record<'question' | 'answer', Written<boolean>>;
  /** Whether the client knows that the question is stored. */
  stored: boolean;
  /** What the client has seen of the answer on its way. */
  seen: string;
  outcome: Outcome | undefined;
}

/** What a client was told in the end. */
export type Outcome = { content: string; status: string } | { failure: number | string };

/** A question put to a door that keeps nothing; each attempt is one. */
export interface StatelessCall {
  /** In its text, and its request id. */
  id: string;
  door: string;
  text: string;
  /** The conversation that it is for. */
  conversationId: number | null;
  /** Whether the client went away in the middle of the answer. */
  left: boolean;
  /** Whether the client has the whole answer, or has seen the call in the history of calls. */
  acknowledged: boolean;
}

/** A write that may be under way: `asked` was sent and not yet acknowledged. */
export interface Written<T> {
  acknowledged: T | undefined;
  asked: T | undefined;
}

export interface SessionRecord {
  id: number;
  user: string;
  title: Written<string>;
  score: Written<number>;
  /** How often it was renamed and rated; a repeat under the same key does not count. */
  renames: number;
  ratings: number;
  removed: Written<boolean>;
  /** Of a removed session: what it held before, as the client saw it last. */
  last: { role: string; content: string; status: string }[];
}

export interface LoginRecord {
  user: string;
  token: string;
  revoked: Written<boolean>;
}

/** What a socket with cursors was told, over all its connections. */
export interface WatchRecord {
  name: string;
  user: string;
  /** What it watches; undefined for everything of its user. */
  sessionId?: number | undefined;
  /** Whether nothing may be told twice: who repeats a question hears of it again. */
  once: boolean;
  /** Messages of the snapshot with which it began. */
  known: number[];
  told: { cursor: number; key: string }[];
}

export function createRecords(): Records {
  return {
    launches: [],
    servers: 1,
    askings: [],
    calls: [],
    sessions: [],
    logins: [],
    watches: [],
    isHindered: false,
    stops: [],
    closes: [],
    faults: [],
  };
}

/** Begins a question of `user`; nothing is known of it yet. */
export function beginAsking(
  records: Records,
  door: string,
  user: string,
  pace: Pace,
  sessionId?: number,
  picture?: Picture,
): Asking {
  const id = `t${records.askings.length + 1}`;
  const nothing = { acknowledged: undefined, asked: undefined };
  const asking: Asking = {
    id,
    door,
    user,
    text: questionText(id, pace, picture),
    sessionId,
    questionId: undefined,
    answerId: undefined,
    life: records.launches.length,
    stopped: false,
    hindered: records.isHindered,
    removed: { question: { ...nothing }, answer: { ...nothing } },
    stored: false,
    seen: '',
    outcome: undefined,
  };
  records.askings.push(asking);
  return asking;
}

/** How often the answer to a question of studio is begun at most. */
export const mostAttempts = 3;

/** Whether an answer that a crash cuts off before its first word is made by the next life: studio's clients need not wait for it. */
export function isMadeAgain({ door }: Asking): boolean {
  return door.startsWith('studio');
}

/** The database is away from now on: what is to be answered may fail for that. */
export function hinder(records: Records): void {
  records.isHindered = true;
  for (const asking of records.askings) asking.hindered ||= asking.outcome === undefined;
}

/** The life of the server at a time. */
export function lifeAt({ launches }: Pick<Records, 'launches'>, at: number): number {
  return launches.filter((launched) => launched <= at).length;
}

/** Whether somebody wanted it, be it acknowledged or not. */
export function isUnderWay({ asked, acknowledged }: Written<unknown>): boolean {
  return asked !== undefined || acknowledged !== undefined;
}

export function isTurn(question: string): boolean {
  return question.startsWith('[t');
}

/** The session that a client was told of, or knew already. */
export function sessionRecord(records: Records, user: string, id: number): SessionRecord {
  const known = records.sessions.find((session) => session.id === id);
  if (known !== undefined) {
    if (known.user !== user) records.faults.push(`session ${id} is told to ${user}, and is ${known.user}'s`);
    return known;
  }
  const nothing = { acknowledged: undefined, asked: undefined };
  const session = {
    id,
    user,
    title: { ...nothing },
    score: { ...nothing },
    renames: 0,
    ratings: 0,
    removed: { ...nothing },
    last: [],
  };
  records.sessions.push(session);
  return session;
}

/** Notes that the question is stored, and where. */
export function noteAsked(
  records: Records,
  moments: Moments,
  asking: Asking,
  sessionId?: number,
  answerId?: number,
  questionId?: number,
): void {
  const { id } = asking;
  const differs = (before: number | undefined, now: number | undefined) =>
    before !== undefined && now !== undefined && before !== now;
  if (differs(asking.sessionId, sessionId)) {
    records.faults.push(`${id} was in session ${asking.sessionId}, and is told to be in ${sessionId}`);
  }
  if (differs(asking.answerId, answerId)) {
    records.faults.push(`${id} has the answer ${asking.answerId}, and is told to have ${answerId}`);
  }
  if (differs(asking.questionId, questionId)) {
    records.faults.push(`${id} has the id ${asking.questionId}, and is told to have ${questionId}`);
  }
  asking.questionId ??= questionId;
  asking.sessionId ??= sessionId;
  asking.answerId ??= answerId;
  if (sessionId !== undefined) sessionRecord(records, asking.user, sessionId);
  const isNew = !asking.stored;
  asking.stored = true;
  if (isNew) moments.tell('asked', asking.text);
}

/** Notes text that is shown at `start` of the answer: it must agree with what was shown before, and leave no gap. */
export function noteSeen(
  records: Records,
  moments: Moments,
  asking: Asking,
  start: number,
  text: string,
): void {
  const { id, seen } = asking;
  if (start > seen.length) {
    records.faults.push(`${id}: text at ${start} after ${seen.length} characters`);
    return;
  }
  const overlap = seen.slice(start, start + text.length);
  if (!text.startsWith(overlap)) {
    records.faults.push(`${id}: showed ${JSON.stringify(overlap)}, then ${JSON.stringify(text)} there`);
    return;
  }
  if (start + text.length <= seen.length) return;
  asking.seen = seen.slice(0, start) + text;
  moments.tell('seen', asking.text);
}

/** Notes where a piece of a stream begins; it must be where the one before it ended, also over several connections. */
export function noteOffset({ faults }: Records, { id }: Asking, position: number, offset: number): void {
  if (offset !== position) faults.push(`${id}: a piece at ${offset}, not at ${position}`);
}

/** Notes how the client was told that it ended. */
export function noteOutcome(records: Records, moments: Moments, asking: Asking, outcome: Outcome): void {
  const { id, seen, outcome: before } = asking;
  const [was, is] = [JSON.stringify(before), JSON.stringify(outcome)];
  if (before !== undefined && was !== is) records.faults.push(`${id}: ended as ${was}, then as ${is}`);
  // What a failed answer had said is in the history alone.
  if ('content' in outcome && !outcome.content.startsWith(seen)) {
    records.faults.push(`${id}: showed ${JSON.stringify(seen)}, and ended as ${is}`);
  }
  const life = records.launches.length;
  if (isGivenUp(asking, outcome) && life - asking.life < mostAttempts) {
    records.faults.push(`${id} was asked in life ${asking.life}, and is given up in life ${life}: ${is}`);
  }
  asking.stored = true;
  asking.outcome ??= outcome;
  if (before === undefined) moments.tell('acknowledged', asking.text);
}

/** Whether an answer that is to be made again never came, though the vendor has one and nobody wanted it stopped. */
function isGivenUp(asking: Asking, outcome: Outcome): boolean {
  const isSaid = 'content' in outcome && (outcome.content !== '' || outcome.status === 'completed');
  const hasAnswer = questionIn(asking.text)?.pace !== 'never';
  const mayEnd = asking.stopped || asking.hindered || asking.seen !== '';
  return isMadeAgain(asking) && !mayEnd && hasAnswer && !isSaid;
}
