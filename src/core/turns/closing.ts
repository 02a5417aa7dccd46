import type { Message, Messages } from '../../storage/messages.ts';
import type { TurnEnd, Turns as TurnRows } from '../../storage/turns.ts';
import { ParleyError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Feed } from '../realtime/feed.ts';
import type { Runtime } from '../runtime.ts';

/** Stores how turns ended. */
export interface Closing {
  /** The stored answer; where somebody else has closed the turn, that is theirs. Throws `storage_failed`, and tries again later. */
  close(end: TurnEnd): Promise<Message>;
  /** Tries again what could not be stored. */
  retry(): Promise<void>;
}

export interface ClosingParts {
  rows: Pick<TurnRows, 'end'>;
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
          return await settle(parts, end);
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
      for (const end of unsettled.values()) {
        await settle(parts, end);
        unsettled.delete(end.id);
        parts.feed.wake(end.conversationId, end.userId);
      }
    },
  };
}

/** Safe to repeat: a turn that is closed already stays as it is. */
async function settle({ rows, messages }: ClosingParts, end: TurnEnd): Promise<Message> {
  await rows.end(end);
  const answer = await messages.find(end.id);
  if (answer === undefined) throw new ParleyError('not_found', 'The conversation was removed.');
  return answer;
}

function notStored(cause: unknown): ParleyError {
  const text = 'The answer could not be stored yet. Look into the conversation again in a moment.';
  return new ParleyError('storage_failed', text, { retryable: true, cause });
}
