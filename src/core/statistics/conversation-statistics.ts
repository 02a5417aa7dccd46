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

export const unknownModel = 'unknown';

export function createConversationStatistics({
  totals,
}: {
  totals: Pick<ChatTotalsReader, 'daily'>;
}): ConversationStatistics {
  return async ({ userId }, filter) => {
    checkDays(filter);
    const { fromDay, toDay } = filter;
    const rows = await totals.daily({
      userId,
      ...(fromDay !== undefined && { fromDay }),
      ...(toDay !== undefined && { toDay }),
    });
    const days = rows.map(({ day, chats, messages, tokens }) => ({ day, chats, messages, tokens }));
    const sumOf = (name: keyof ConversationSums) => days.reduce((sum, row) => sum + row[name], 0);
    return { chats: sumOf('chats'), messages: sumOf('messages'), tokens: sumOf('tokens'), models: [], days };
  };
}
