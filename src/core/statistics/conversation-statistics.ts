import type { ChatTotalsReader } from '../../storage/chat-totals.ts';
import type { UserCaller } from '../identity/caller.ts';
import { checkDays } from './days.ts';

/** Which conversations; every field narrows. */
export interface ConversationFilter {
  /** Of questions the model that was asked for, of answers the one that gave them. */
  model?: string | undefined;
  /** First and last day, `YYYY-MM-DD` in the server's time zone, both included. */
  fromDay?: string | undefined;
  toDay?: string | undefined;
}

/** How much somebody has talked. */
export interface ConversationSums {
  /** Conversations begun. */
  chats: number;
  messages: number;
  tokens: number;
}

export interface ConversationFigures extends ConversationSums {
  /** Most messages first; what concerned no model, or was counted before models were, is `unknown`. */
  models: (ConversationSums & { model: string })[];
  /** In order; days without anything are left out. */
  days: (ConversationSums & { day: string })[];
}

/** The caller's own figures, whatever the role. Throws `invalid_request` for what is no day and for an end before the start. */
export type ConversationStatistics = (
  caller: UserCaller,
  filter: ConversationFilter,
) => Promise<ConversationFigures>;

const unknownModel = 'unknown';

export function createConversationStatistics({
  totals,
}: {
  totals: ChatTotalsReader;
}): ConversationStatistics {
  return async ({ userId }, { model, fromDay, toDay }) => {
    checkDays({ fromDay, toDay });
    const filter = { userId, model: model === unknownModel ? '' : model, fromDay, toDay };
    const [byModel, byDay] = await Promise.all([totals.byModel(filter), totals.daily(filter)]);
    const models = byModel.map((row) => ({ model: row.model || unknownModel, ...sumsOf(row) }));
    const days = byDay.map((row) => ({ day: row.day, ...sumsOf(row) }));
    return {
      ...add(days),
      models: models.filter(isSomething).toSorted((a, b) => b.messages - a.messages),
      days: days.filter(isSomething),
    };
  };
}

function sumsOf({ chats, messages, tokens }: ConversationSums): ConversationSums {
  return { chats, messages, tokens };
}

function add(rows: readonly ConversationSums[]): ConversationSums {
  const sums = { chats: 0, messages: 0, tokens: 0 };
  for (const { chats, messages, tokens } of rows) {
    sums.chats += chats;
    sums.messages += messages;
    sums.tokens += tokens;
  }
  return sums;
}

/** Ratings and errors alone are nothing here. */
function isSomething({ chats, messages, tokens }: ConversationSums): boolean {
  return chats + messages + tokens > 0;
}
