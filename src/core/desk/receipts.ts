import type { Messages } from '../../storage/messages.ts';
import type { Log } from '../log.ts';
import type { FeedItem } from '../realtime/feed.ts';
import type { Runtime } from '../runtime.ts';

/** That staff have customers' messages, or have read them. */
export interface StaffReceipts {
  /** Of one conversation, up to a message and with it. Receipts only move forward. */
  acknowledge(receipt: {
    conversationId: number;
    userId: number | null;
    upTo: number;
    receipt: 'delivered' | 'read';
  }): Promise<void>;
  /** Marks what staff were told of delivered, at once for each conversation, where a person is in charge or is waited for. Never throws. */
  deliver(items: readonly FeedItem[]): void;
}

export interface StaffReceiptsParts {
  messages: Pick<Messages, 'acknowledgeByStaff'>;
  runtime: Pick<Runtime, 'now'>;
  wake: (conversationId: number, userId: number | null) => void;
  log: Log;
}

export function createStaffReceipts({ messages, runtime, wake, log }: StaffReceiptsParts): StaffReceipts {
  const acknowledge: StaffReceipts['acknowledge'] = async ({ conversationId, userId, upTo, receipt }) => {
    const moved = await messages.acknowledgeByStaff({ conversationId, upTo, receipt, at: runtime.now() });
    if (moved > 0) wake(conversationId, userId);
  };
  return {
    acknowledge,
    deliver(items) {
      for (const [conversationId, { userId, messageId }] of newestOf(items)) {
        if (messageId === null) continue;
        acknowledge({ conversationId, userId, upTo: messageId, receipt: 'delivered' }).catch((err: unknown) =>
          log.error({ err }, 'a customer’s message could not be marked delivered'),
        );
      }
    },
  };
}

/** By conversation, the last message that no AI answers and nobody has. */
function newestOf(items: readonly FeedItem[]): Map<number, FeedItem> {
  const waiting = items.filter(
    ({ type, data, message }) =>
      type === 'asked' && message?.receipt === 'sent' && typeof data?.['turnId'] !== 'number',
  );
  return new Map(waiting.map((item) => [item.conversationId, item]));
}
