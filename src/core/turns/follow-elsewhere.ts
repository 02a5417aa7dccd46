import type { Message } from '../../storage/messages.ts';
import { ParleyError } from '../errors.ts';
import { createChangeAlarm } from './alarm.ts';
import { pollMs } from './other-nodes.ts';
import { interestMs, topicOfTurn, wantRelay, type Relayed } from './relay.ts';
import type { TurnsState } from './state.ts';
import type { TurnEvent } from './turn.ts';

/** Who follows a turn that another node makes. */
interface Following {
  turnId: number;
  conversationId: number;
  start: number;
  signal: AbortSignal;
}

/** Pieces that wait for a slow follower, at most; it reads the rest from the store. */
const mostPieces = 1_000;
/** How often the store is looked into where nobody tells. */
const silentMs = 250;
/** After so long a maker that could not be reached is asked again. */
const askAgainMs = 1_000;

/**
 * What a turn says that another node makes: as its maker tells it, and from the store where something was missed. Returns without an end
 * where the turn has come to be made here.
 */
export async function* followElsewhere(state: TurnsState, following: Following): AsyncGenerator<TurnEvent[]> {
  const { turnId, start, signal } = following;
  const ear = listenTo(state, following);
  try {
    for (let told = start; ;) {
      signal.throwIfAborted();
      if (state.active.has(turnId)) return;
      const isDue = ear.isDue();
      const now = isDue ? await lookAt(state, turnId, told) : undefined;
      if (now?.answer !== undefined) {
        yield [...deltaOf(told, now.answer.content.slice(told)), { type: 'end', answer: now.answer }];
        return;
      }
      ear.attend(now?.maker);
      const text = now?.text ?? ear.heard(told);
      if (text !== '') {
        yield deltaOf(told, text);
        told += text.length;
      } else if (!ear.isRinging()) {
        await ear.wait();
      }
    }
  } finally {
    ear.close();
  }
}

function deltaOf(start: number, text: string): TurnEvent[] {
  return text === '' ? [] : [{ type: 'delta', start, text }];
}

/** How the turn is in the store: who makes it and what was said from `told` on, or how it has ended. */
async function lookAt(
  { parts: { rows, messages } }: TurnsState,
  turnId: number,
  told: number,
): Promise<{ maker?: string; text?: string; answer?: Message }> {
  const turn = await rows.find(turnId);
  if (turn !== undefined) return { maker: turn.node, text: await rows.textOf(turnId, told) };
  const answer = await messages.find(turnId);
  if (answer === undefined) throw new ParleyError('not_found', 'The conversation was removed.');
  return { answer };
}

/** What comes of a turn by way of the bus. */
interface Ear {
  /** Whether the store is to be looked into; asked once for each time. */
  isDue(): boolean;
  /** What was told that continues `told`, up to the first gap. */
  heard(told: number): string;
  /** Whether something came that was not looked at. */
  isRinging(): boolean;
  /** Lets the maker know, now and then, that somebody follows; undefined: the last one that was known. */
  attend(maker: string | undefined): void;
  wait(): Promise<void>;
  close(): void;
}

function listenTo(state: TurnsState, { turnId, conversationId, signal }: Following): Ear {
  const { parts } = state;
  let pieces: { start: number; text: string }[] = [];
  let due = true;
  const alarm = createChangeAlarm(parts, conversationId, () => (due = true));
  const look = () => {
    due = true;
    alarm.ring();
  };
  const interest = createInterest(state, turnId, look);
  const unsubscribe = parts.bus.subscribe(topicOfTurn(turnId), (message) => {
    const relayed = message as Relayed;
    if ('over' in relayed) {
      interest.forget();
      return look();
    }
    if (pieces.length >= mostPieces) {
      pieces = [];
      due = true;
    } else pieces.push(relayed);
    alarm.ring();
  });
  return {
    isDue() {
      const wasDue = due;
      due = false;
      return wasDue;
    },
    isRinging: () => due || pieces.length > 0,
    heard(told) {
      const { text, hasGap } = textAfter(told, pieces);
      pieces = [];
      due ||= hasGap;
      return text;
    },
    attend: interest.attend,
    async wait() {
      const silenceMs = interest.isTold() ? pollMs(parts) : silentMs;
      if (!(await alarm.wait(silenceMs, signal))) due = true;
    },
    close() {
      unsubscribe();
      alarm.close();
    },
  };
}

function textAfter(told: number, pieces: readonly { start: number; text: string }[]) {
  let text = '';
  for (const piece of pieces) {
    const at = told + text.length;
    if (piece.start > at) return { text, hasGap: true };
    text += piece.text.slice(at - piece.start);
  }
  return { text, hasGap: false };
}

/** Keeps the maker of a turn telling this node what it says; `look` is called when it has begun to. */
function createInterest(state: TurnsState, turnId: number, look: () => void) {
  const { runtime } = state.parts;
  let maker = '';
  let askAt = 0;
  let isTold = false;
  const ask = async (node: string) => {
    const wasTold = isTold;
    askAt = runtime.elapsed() + interestMs.renewed;
    const isRelayed = await wantRelay(state, node, turnId);
    if (node !== maker) return;
    isTold = isRelayed;
    if (!isRelayed) askAt = runtime.elapsed() + askAgainMs;
    // What was said before it began to tell is in the store.
    else if (!wasTold) look();
  };
  return {
    isTold: () => isTold,
    forget() {
      isTold = false;
      askAt = 0;
    },
    attend(now: string | undefined) {
      if (now !== undefined && now !== maker) {
        maker = now;
        isTold = false;
        askAt = 0;
      }
      if (maker !== '' && maker !== state.node && runtime.elapsed() >= askAt) void ask(maker);
    },
  };
}
