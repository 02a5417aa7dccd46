import type { Conversation, Conversations, Page } from '../../storage/conversations.ts';
import type { Customers } from '../../storage/customers.ts';
import type { Feed } from '../../storage/feed.ts';
import type { MessageSearch, Snippet } from '../../storage/message-search.ts';
import type { Message, Messages } from '../../storage/messages.ts';
import type { StaffCaller } from '../identity/caller.ts';
import type { Runtime } from '../runtime.ts';

export type { Snippet } from '../../storage/message-search.ts';

/** A message in which everything occurs that was looked for. */
export interface SearchResult {
  conversation: Conversation;
  message: Message;
  /** Plain text, with the places that were found. */
  snippet: Snippet;
}

export interface SearchResults {
  /** The newest first. */
  results: SearchResult[];
  /** 10,000 stands for 10,000 or more; what lies beyond is not found. */
  total: number;
  /** False as long as messages from before an upgrade are still being taken into the index. */
  complete: boolean;
}

/** Search over everything that was said in any conversation. */
export interface Search {
  /**
   * Every word and every "quoted phrase" of `text` must occur in a message, whatever its case; `word*` may go on. Finds what was said
   * before the call. Nothing is found where `text` has neither letter nor digit.
   */
  find(caller: StaffCaller, text: string, page: Page): Promise<SearchResults>;
}

export interface SearchParts {
  rows: MessageSearch;
  messages: Pick<Messages, 'find'>;
  conversations: Pick<Conversations, 'find'>;
  customers: Pick<Customers, 'index'>;
  feed: Pick<Feed, 'head'>;
  runtime: Pick<Runtime, 'elapsed'>;
}

/** The search with what keeps its indexes up to date. */
export interface TendedSearch extends Search {
  /** Brings the indexes of messages and customers up to date; to be called now and then. What is left of an old store follows bit by bit. */
  tend(): Promise<void>;
  /** From now on `tend` only waits for what is being done: the rest can wait for the next start. */
  stop(): void;
}

/** How long one `tend` works on what is left of an old store. */
const tendingMs = 2_000;

export function createSearch(parts: SearchParts): TendedSearch {
  const { rows, customers, feed, runtime } = parts;
  let line: Promise<void> = Promise.resolve();
  let stopped = false;
  let tending: Promise<void> | undefined;
  /** One after the other, so that two do not read the same. Each begins after it was asked for. */
  const followUp = () => {
    const follow = async () => {
      const head = await feed.head();
      while (await rows.follow(head));
    };
    const followed = line.then(follow);
    line = followed.catch(() => {});
    return followed;
  };
  const work = async (step: () => Promise<boolean>, until: number) => {
    while (!stopped && (await step()) && runtime.elapsed() < until);
  };
  const tend = async () => {
    const head = await feed.head();
    await work(() => rows.follow(head), Number.POSITIVE_INFINITY);
    const until = runtime.elapsed() + tendingMs;
    await work(customers.index, until);
    await work(rows.fill, until);
  };
  return {
    async find(_caller, text, page) {
      await followUp();
      const { found, total, complete } = await rows.find(text, page);
      const results = await Promise.all(
        found.map(({ messageId, snippet }) => resultOf(parts, messageId, snippet)),
      );
      return { results: results.filter((result) => result !== undefined), total, complete };
    },
    tend() {
      tending ??= tend().finally(() => (tending = undefined));
      return tending;
    },
    stop: () => void (stopped = true),
  };
}

/** Undefined where it was removed meanwhile. */
async function resultOf(
  { messages, conversations }: SearchParts,
  messageId: number,
  snippet: Snippet,
): Promise<SearchResult | undefined> {
  const message = await messages.find(messageId);
  const conversation = message && (await conversations.find(message.conversationId));
  return message && conversation && { conversation, message, snippet };
}
