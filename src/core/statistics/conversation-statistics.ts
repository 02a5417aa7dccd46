import type { ChatTotalsReader, TalkSums } from '../../storage/chat-totals.ts';
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

/** How much somebody has talked: conversations begun, messages, tokens. */
export type ConversationSums = TalkSums;

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
  totals: Pick<ChatTotalsReader, 'talkByDay' | 'talkByModel'>;
}): ConversationStatistics {
  return async ({ userId }, { model, fromDay, toDay }) => {
    checkDays({ fromDay, toDay });
    const filter = { userId, model: model === unknownModel ? '' : model, fromDay, toDay };
    const [models, days] = await Promise.all([totals.talkByModel(filter), totals.talkByDay(filter)]);
    return {
      ...add(days),
      models: models
        .map((row) => ({ ...row, model: row.model || unknownModel }))
        .toSorted((a, b) => b.messages - a.messages),
      days,
    };
  };
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
