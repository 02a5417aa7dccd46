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
  /** Marks what staff were told of delivered, soon and once for each conversation, where a person is in charge or is waited for. Never throws. */
  deliver(items: readonly FeedItem[]): void;
}

export interface StaffReceiptsParts {
  messages: Pick<Messages, 'acknowledgeByStaff'>;
  runtime: Pick<Runtime, 'now'>;
  wake: (conversationId: number, userId: number | null) => void;
  log: Log;
}

/**
 * How long deliveries gather: nobody waits for them, and each commit of theirs that is spared is one that no message waits
 * behind.
 */
const gatherMs = 200;

export function createStaffReceipts({ messages, runtime, wake, log }: StaffReceiptsParts): StaffReceipts {
  const acknowledge: StaffReceipts['acknowledge'] = async ({ conversationId, userId, upTo, receipt }) => {
    const moved = await messages.acknowledgeByStaff({ conversationId, upTo, receipt, at: runtime.now() });
    if (moved > 0) wake(conversationId, userId);
  };
  let gathered = new Map<number, FeedItem>();
  const store = () => {
    const due = gathered;
    gathered = new Map();
    for (const [conversationId, { userId, messageId }] of due) {
      if (messageId === null) continue;
      acknowledge({ conversationId, userId, upTo: messageId, receipt: 'delivered' }).catch((err: unknown) =>
        log.error({ err }, 'a customer’s message could not be marked delivered'),
      );
    }
  };
  return {
    acknowledge,
    deliver(items) {
      const waiting = items.filter(isUndelivered);
      if (waiting.length === 0) return;
      if (gathered.size === 0) setTimeout(store, gatherMs).unref();
      for (const item of waiting) gathered.set(item.conversationId, item);
    },
  };
}

/** Whether it is a message that no AI answers and nobody has. */
function isUndelivered({ type, data, message }: FeedItem): boolean {
  return type === 'asked' && message?.receipt === 'sent' && typeof data?.['turnId'] !== 'number';
}
