import type { ApiCalls, NewApiCall } from '../../storage/api-calls.ts';
import type { Message, Messages } from '../../storage/messages.ts';
import type { TurnEnd, Turns as TurnRows } from '../../storage/turns.ts';
import { ParleyError } from '../errors.ts';
import type { Log } from '../log.ts';
import { giveUpRow } from '../money/books.ts';
import type { Feed } from '../realtime/feed.ts';
import type { Runtime } from '../runtime.ts';
import { storageCodeOf } from '../storage-failure.ts';
import { givenUp } from './make-answer.ts';
import { givenUpCode, madeAgain } from './turn.ts';

/** Stores how turns ended. */
export interface Closing {
  /**
   * The stored answer; where somebody else has closed the turn, that is theirs. Throws `not_found` where the conversation was
   * removed meanwhile, what `isMadeAgain` recognises where somebody else is making it, and what `storageCodeOf` says, to try again later.
   */
  close(end: TurnEnd): Promise<Message>;
  /** Tries again what could not be stored. */
  retry(): Promise<void>;
  /** Turns whose end could not be stored yet. */
  unsettled(): ReadonlySet<number>;
}

export interface ClosingParts {
  rows: Pick<TurnRows, 'end' | 'find' | 'textOf' | 'bookRemoved'>;
  /** Names this process in the leases. */
  node: string;
  /** See `TurnsParts`. */
  shared: boolean;
  calls: Pick<ApiCalls, 'list'>;
  messages: Pick<Messages, 'find'>;
  feed: Pick<Feed, 'wake'>;
  runtime: Pick<Runtime, 'sleep'>;
  log: Log;
}

/** Pauses between attempts while somebody waits. */
const pausesMs = [50, 200, 1_000];
/** Of an owner's calls on the day, where an answer is gone before it could be stored. */
const mostLookedThrough = 1_000;

export function createClosing(parts: ClosingParts): Closing {
  const unsettled = new Map<number, TurnEnd>();
  const retrying = new Set<number>();
  return {
    unsettled: () => new Set(unsettled.keys()),
    async close(end) {
      for (const pauseMs of [...pausesMs, null]) {
        try {
          await store(parts, end);
          return await answerTo(parts, end);
        } catch (cause) {
          if (cause instanceof ParleyError) throw cause;
          if (pauseMs === null) {
            unsettled.set(end.id, end);
            throw notStored(cause);
          }
          parts.log.warn(
            { err: cause, turnId: end.id },
            'the end of an answer could not be stored; trying again',
          );
          await parts.runtime.sleep(pauseMs);
        }
      }
      throw new TypeError('unreachable');
    },
    async retry() {
      const due = [...unsettled.values()].filter(({ id }) => !retrying.has(id));
      for (const { id } of due) retrying.add(id);
      for (const end of due) {
        try {
          await store(parts, end);
          unsettled.delete(end.id);
          parts.feed.wake(end.conversationId, end.userId);
        } catch (err) {
          parts.log.warn({ err, turnId: end.id }, 'the end of an answer can still not be stored');
        } finally {
          retrying.delete(end.id);
        }
      }
    },
  };
}

/** With its conversation, the answer is gone; that a model was called is not. */
async function store(parts: ClosingParts, end: TurnEnd): Promise<void> {
  const { rows, messages } = parts;
  if ((await rows.end(end)) || (await cancel(parts, end)) || end.call === null) return;
  const isGone = (await messages.find(end.id)) === undefined;
  if (isGone && !(await isBooked(parts, end.call))) await rows.bookRemoved(end, end.call);
  // Where the row is somebody else's, that counts, and what was set aside for ours is given back.
  else giveUpRow(end.call);
}

/** Whether another node that ended the turn by force has put an estimate of the call into the books. */
async function isBooked({ calls, shared }: ClosingParts, call: NewApiCall): Promise<boolean> {
  if (!shared) return false;
  const began = call.at - call.durationMs;
  const recent = await calls.list({ owner: call.owner, fromDay: call.day, limit: mostLookedThrough });
  return recent.some(
    ({ messageId, durationMs, at }) => messageId === call.messageId && durationMs === 0 && at >= began,
  );
}

/** Where somebody else was put in charge while the turn was ours: it has no more to say than what was shown by then. */
async function cancel({ rows, node }: ClosingParts, end: TurnEnd): Promise<boolean> {
  const turn = await rows.find(end.id);
  if (turn?.node !== node) return false;
  const content = await rows.textOf(end.id);
  const { fence } = turn;
  const error = { errorCode: givenUpCode, errorText: givenUp.message };
  const rest = { finishReason: null, questionStays: true, ...error };
  return rows.end({ ...end, fence, state: 'cancelled', content, ...rest });
}

async function answerTo({ messages }: ClosingParts, end: TurnEnd): Promise<Message> {
  const answer = await messages.find(end.id);
  if (answer === undefined) throw new ParleyError('not_found', 'The conversation was removed.');
  if (answer.state === 'queued' || answer.state === 'running') throw madeAgain();
  return answer;
}

function notStored(cause: unknown): ParleyError {
  const text = 'The answer could not be stored yet. Look into the conversation again in a moment.';
  return new ParleyError(storageCodeOf(cause), text, { retryable: true, cause });
}
