import type { DatabaseSync } from 'node:sqlite';
import type { Channel } from './population.ts';

/** The rows of `chat_daily`, for each user and for the whole service. */
export interface DailySums {
  /** `userId` null: of nobody. */
  add(
    day: string,
    userId: number | null,
    channel: Channel,
    model: string,
    share: { chats: number; tokens: number },
  ): void;
  /** Writes what is left. */
  end(): void;
}

interface Sum {
  userId: number;
  channel: Channel;
  model: string;
  chats: number;
  exchanges: number;
  tokens: number;
}

const wholeService = 0;

/** Sums one day at a time; the days must come in order. */
export function createDailySums(database: DatabaseSync, responseMs: number): DailySums {
  const insert = database.prepare(
    `INSERT INTO chat_daily (user_id, day, channel, model, chats, messages, answers, response_ms, tokens, errors, ratings, satisfied)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)`,
  );
  const sums = new Map<string, Sum>();
  let current = '';

  const write = (): void => {
    for (const { userId, channel, model, chats, exchanges, tokens } of sums.values()) {
      const counted = [chats, exchanges * 2, exchanges, exchanges * responseMs, tokens];
      insert.run(userId, current, channel, model, ...counted);
    }
    sums.clear();
  };
  const addTo = (userId: number, channel: Channel, model: string, chats: number, tokens: number): void => {
    const key = `${channel}${userId} ${model}`;
    const sum = sums.get(key) ?? { userId, channel, model, chats: 0, exchanges: 0, tokens: 0 };
    sum.chats += chats;
    sum.exchanges++;
    sum.tokens += tokens;
    sums.set(key, sum);
  };
  return {
    add(day, userId, channel, model, { chats, tokens }) {
      if (day !== current) write();
      current = day;
      if (userId !== null) addTo(userId, channel, model, chats, tokens);
      addTo(wholeService, channel, model, chats, tokens);
    },
    end: write,
  };
}
