/** Sums over conversations. */
export interface ChatTotals {
  chats: number;
  messages: number;
  /** Completed answers. */
  answers: number;
  /** Of the completed answers together. */
  responseMs: number;
  /** Prompt and completion tokens of all turns. */
  tokens: number;
  /** Turns that failed or were interrupted. */
  errors: number;
  ratings: number;
  /** Ratings of 4 and 5. */
  satisfied: number;
}

export interface ChatTotalsFilter {
  /** Null: the whole service. */
  userId: number | null;
  /** First and last day, `YYYY-MM-DD`, both included. */
  fromDay?: string;
  toDay?: string;
}

/** The daily sums of conversations, which every statistic reads. They are written with what they count. */
export interface ChatTotalsReader {
  /** Zeros where there is nothing. */
  total(filter: ChatTotalsFilter): Promise<ChatTotals>;
  /** Days without anything are left out; in order. */
  daily(filter: ChatTotalsFilter): Promise<(ChatTotals & { day: string })[]>;
}
