import type { Books } from '../kill/books.ts';
import { checkBooks, checkOrder } from '../kill/check-books.ts';
import { checkDoors } from '../kill/check-doors.ts';
import { checkShownCalls } from '../kill/check-studio.ts';
import { checkShownTotal } from '../kill/check-sums.ts';
import { checkWatch } from '../kill/check-watches.ts';
import type { Seen, SeenTotal } from '../kill/look.ts';
import type { Asking, LoginRecord, Records } from '../kill/records.ts';
import type { VendorCall } from '../kill/vendor.ts';
import type { Ended } from '../support/parley-process.ts';
import type { Span } from './excuses.ts';

/** All that clients, the vendor, both nodes and the database know of what happened. */
export interface History {
  records: Records;
  calls: readonly VendorCall[];
  books: Books;
  /** What both nodes show to each person in the end. */
  seen: readonly { one: Seen; two: Seen }[];
  /** What the service's figures are said to be. */
  service: SeenTotal;
  /** By node. */
  logs: ReadonlyMap<string, readonly string[]>;
  /** When nodes had reason to complain of what they could not reach. */
  troubles: readonly Span[];
  restarts: readonly Restart[];
  /** Whom a node lets in, in the end. */
  letIn: readonly { node: string; login: LoginRecord; isLetIn: boolean }[];
}

/** A restart in good order, of one node while the other goes on. */
export interface Restart {
  node: string;
  ended: Ended;
  /** What it was answering when it was told to stop. */
  asked: readonly Asking[];
  /** Sockets that were closed meanwhile. */
  closes: readonly { name: string; code: number }[];
}

/** Everything that is wrong. Empty where nothing is. */
export function checkHistory(history: History): string[] {
  const { records, calls, books, seen, service, logs, troubles, restarts, letIn } = history;
  const ones = seen.map(({ one }) => one);
  return [
    ...records.faults,
    ...seen.flatMap(checkAgreement),
    ...ones.flatMap((own) => [
      ...checkDoors(records, own),
      ...checkOrder(own, books),
      ...checkShownTotal(own.user, own.total, books),
      ...(own.studio === undefined ? [] : checkShownCalls(own, own.studio, books)),
    ]),
    ...records.watches.flatMap((watch) => {
      const own = ones.find(({ user }) => user === watch.user);
      return own === undefined
        ? [`nobody has seen what ${watch.user} sees`]
        : checkWatch(records, watch, own);
    }),
    ...checkStops(records, ones),
    ...checkBooks(records, [...calls], books),
    ...checkShownTotal('the service', service, books),
    ...restarts.flatMap(checkRestart),
    ...(restarts.length > 0 && restarts.every(({ closes }) => closes.length === 0)
      ? ['restarts closed no socket']
      : []),
    ...letIn.flatMap(checkLetIn),
    ...[...logs].flatMap(([node, lines]) => checkLog(node, lines, troubles)),
  ];
}

/** Both nodes show the same to the same person, when nothing happens any more. */
function checkAgreement({ one, two }: History['seen'][number]): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(two)]) as Set<keyof Seen>;
  return [...names].flatMap((name) => {
    const [here, there] = [JSON.stringify(one[name]), JSON.stringify(two[name])];
    return here === there ? [] : [`${one.user}: one node shows the ${name} ${here}, the other ${there}`];
  });
}

/** An answer that was stopped says no more than its vendor had said when the stop was acknowledged. */
function checkStops({ stops, askings }: Records, seen: readonly Seen[]): string[] {
  const messages = seen.flatMap(({ sessions }) => sessions.flatMap((session) => session.messages));
  return stops.flatMap(({ id, told }) => {
    const asking = askings.find((each) => each.id === id);
    const answer = messages.find((message) => message.id === asking?.answerId);
    if (answer === undefined) return [`${id} was stopped, and has no answer`];
    const said = answer.content.length;
    return said <= told ? [] : [`${id} says ${said} characters, and was stopped at ${told}`];
  });
}

/** "Service restart": come again. */
const restartCode = 1012;

/** Answers come to their end, sockets are sent to the other node, and the process ends in good order. */
function checkRestart({ node, ended, asked, closes }: Restart): string[] {
  const isWhole = ({ outcome }: Asking) =>
    outcome !== undefined && 'status' in outcome && outcome.status === 'completed';
  const broken = asked.filter((asking) => !isWhole(asking));
  return [
    ...(ended.code === 0 ? [] : [`node ${node} ended with ${ended.code ?? ended.signal}`]),
    ...broken.map(({ id, outcome }) => `a restart of node ${node} ended ${id} as ${JSON.stringify(outcome)}`),
    ...closes
      .filter(({ code }) => code !== restartCode)
      .map(({ name, code }) => `a restart of node ${node} closed ${name} with ${code}`),
  ];
}

/** Whoever logged out at one node is let in at none. */
function checkLetIn({ node, login: { user, revoked }, isLetIn }: History['letIn'][number]): string[] {
  const isRight = isLetIn === (revoked.acknowledged !== true);
  return isRight ? [] : [`${user} is ${isLetIn ? '' : 'not '}let in at node ${node}`];
}

/** A line of a log that says what failed. */
interface LogLine {
  level: number;
  time: number;
  err?: { code?: string; type?: string };
}

const [errorLevel, fatalLevel] = [50, 60];
/** Answers that were cut off, and the vendor's refusals, are no faults of a node's own. */
const excusedCodes = ['interrupted', 'provider_failed'];
/** On a machine that has much to do, Redis may take longer than it is waited for. */
const excusedType = 'RedisUnavailable';

/** What a node itself calls a fault: nothing may be fatal, or escape, and errors need a reason outside of it. */
function checkLog(node: string, lines: readonly string[], troubles: readonly Span[]): string[] {
  return lines.flatMap((text) => {
    if (!text.startsWith('{')) return [`node ${node} says ${text}`];
    const { level, time, err } = JSON.parse(text) as LogLine;
    const isExcused =
      excusedCodes.includes(err?.code ?? '') ||
      err?.type === excusedType ||
      troubles.some(({ from, to }) => time >= from && time <= to);
    const isFault = level >= fatalLevel || (level >= errorLevel && !isExcused);
    return isFault ? [`node ${node} logs ${text}`] : [];
  });
}
