import type { ApiCalls } from '../../storage/api-calls.ts';
import type { Message, Messages } from '../../storage/messages.ts';
import type { TurnEnd, Turns as TurnRows } from '../../storage/turns.ts';
import { ParleyError } from '../errors.ts';
import type { Log } from '../log.ts';
import { giveUpRow } from '../money/books.ts';
import type { Feed } from '../realtime/feed.ts';
import type { Runtime } from '../runtime.ts';
import { givenUp } from './make-answer.ts';
import { givenUpCode, madeAgain } from './turn.ts';

/** Stores how turns ended. */
export interface Closing {
  /**
   * The stored answer; where somebody else has closed the turn, that is theirs. Throws `not_found` where the conversation was
   * removed meanwhile, what `isMadeAgain` recognises where somebody else is making it, and `storage_failed`, to try again later.
   */
  close(end: TurnEnd): Promise<Message>;
  /** Tries again what could not be stored. */
  retry(): Promise<void>;
}

export interface ClosingParts {
  rows: Pick<TurnRows, 'end' | 'find' | 'textOf'>;
  /** Names this process in the leases. */
  node: string;
  calls: Pick<ApiCalls, 'record'>;
  messages: Pick<Messages, 'find'>;
  feed: Pick<Feed, 'wake'>;
  runtime: Pick<Runtime, 'sleep'>;
  log: Log;
}

/** Pauses between attempts while somebody waits. */
const pausesMs = [50, 200, 1_000];

export function createClosing(parts: ClosingParts): Closing {
  const unsettled = new Map<number, TurnEnd>();
  return {
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
      const due = [...unsettled.values()];
      unsettled.clear();
      for (const end of due) {
        try {
          await store(parts, end);
          parts.feed.wake(end.conversationId, end.userId);
        } catch (err) {
          unsettled.set(end.id, end);
          parts.log.warn({ err, turnId: end.id }, 'the end of an answer can still not be stored');
        }
      }
    },
  };
}

/** With its conversation, the answer is gone; that a model was called is not. */
async function store(parts: ClosingParts, end: TurnEnd): Promise<void> {
  const { rows, messages, calls } = parts;
  if ((await rows.end(end)) || (await cancel(parts, end)) || end.call === null) return;
  if ((await messages.find(end.id)) === undefined) await calls.record(end.call);
  // Where the row is somebody else's, that counts, and what was set aside for ours is given back.
  else giveUpRow(end.call);
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
  return new ParleyError('storage_failed', text, { retryable: true, cause });
}
