import type { Message } from '../../storage/messages.ts';
import type { TurnEvent } from './turn.ts';

/** A turn that this process is answering: what it has said, and who follows it. */
export interface LiveTurn {
  /** Takes in what the model says next. */
  say(text: string): void;
  /** All that was said, logged or not. */
  said(): string;
  /** What is logged, and may be shown. */
  shown(): string;
  /** From now on nothing more is logged: what was said goes into the answer. Resolves when it is known what may be shown. */
  seal(): Promise<void>;
  /** Tells the followers of the stored answer. */
  end(answer: Message): void;
  /** Tells the followers that the answer's end could not be stored. */
  lose(thrown: unknown): void;
  ended: Promise<Message>;
  /** See `Turns.follow`. The caller has checked `start`. */
  follow(start: number, signal: AbortSignal): AsyncGenerator<TurnEvent[]>;
}

export interface LiveTurnParts {
  /** Adds to the stored log, which is `start` long; false where the turn is not ours any more. */
  append: (start: number, delta: string) => Promise<boolean>;
  /** Somebody else has closed the turn, or is about to. */
  onTaken: () => void;
  /** Whether other nodes may have read what is logged as soon as it is: then it counts as shown, also where it is sealed meanwhile. */
  isReadElsewhere: boolean;
  /** The log cannot be written. */
  onLogFailure: (thrown: unknown) => void;
}

/** With nobody following, text is logged so often, for the case of a crash. */
const unfollowedLogMs = 250;

export function createLiveTurn(parts: LiveTurnParts): LiveTurn {
  const { promise: ended, resolve, reject } = Promise.withResolvers<Message>();
  ended.catch(() => {});
  const state: State = {
    said: '',
    logged: 0,
    writing: undefined,
    sealed: false,
    followers: 0,
    timer: undefined,
    outcome: undefined,
    waiting: new Set(),
  };
  const log = () => {
    clearTimeout(state.timer);
    state.timer = undefined;
    state.writing ??= writeLog(parts, state).finally(() => (state.writing = undefined));
  };

  return {
    ended,
    said: () => state.said,
    shown: () => state.said.slice(0, state.logged),
    say(text) {
      state.said += text;
      if (state.followers > 0) log();
      else state.timer ??= setTimeout(log, unfollowedLogMs).unref();
    },
    async seal() {
      state.sealed = true;
      clearTimeout(state.timer);
      if (parts.isReadElsewhere) await state.writing;
    },
    end(answer) {
      state.outcome = { answer };
      state.said = answer.content;
      state.logged = answer.content.length;
      resolve(answer);
      announce(state);
    },
    lose(thrown) {
      state.outcome = { thrown };
      reject(thrown);
      announce(state);
    },
    async *follow(start, signal) {
      const wake = () => announce(state);
      state.followers++;
      signal.addEventListener('abort', wake);
      try {
        log();
        yield* tell(state, start, signal);
      } finally {
        state.followers--;
        signal.removeEventListener('abort', wake);
      }
    },
  };
}

interface State {
  said: string;
  /** How much of it is in the log. */
  logged: number;
  writing: Promise<void> | undefined;
  sealed: boolean;
  followers: number;
  timer: NodeJS.Timeout | undefined;
  outcome: { answer: Message } | { thrown: unknown } | undefined;
  /** Followers that have been told everything so far. */
  waiting: Set<() => void>;
}

function announce({ waiting }: State): void {
  for (const wake of waiting) wake();
  waiting.clear();
}

async function* tell(state: State, start: number, signal: AbortSignal): AsyncGenerator<TurnEvent[]> {
  for (let told = start; ;) {
    signal.throwIfAborted();
    const group: TurnEvent[] = [];
    if (state.logged > told) {
      group.push({ type: 'delta', start: told, text: state.said.slice(told, state.logged) });
      told = state.logged;
    }
    if (state.outcome !== undefined) {
      if ('thrown' in state.outcome) throw state.outcome.thrown;
      yield [...group, { type: 'end', answer: state.outcome.answer }];
      return;
    }
    if (group.length > 0) yield group;
    else await new Promise<void>((wake) => state.waiting.add(wake));
  }
}

/** Brings the log up to what was said: one write at a time, so that a turn's text is logged in order and in few pieces. */
async function writeLog(parts: LiveTurnParts, state: State): Promise<void> {
  try {
    for (let end = loggable(state); end > state.logged && !state.sealed; end = loggable(state)) {
      const stored = await parts.append(state.logged, state.said.slice(state.logged, end));
      const isOver = state.outcome !== undefined || (state.sealed && !parts.isReadElsewhere);
      if (isOver) return;
      if (!stored) return parts.onTaken();
      state.logged = end;
      announce(state);
    }
  } catch (thrown) {
    parts.onLogFailure(thrown);
  }
}

/** How much can be logged: a vendor may cut a character in two, and half a one cannot be stored. */
function loggable({ said }: State): number {
  const last = said.charCodeAt(said.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? said.length - 1 : said.length;
}
