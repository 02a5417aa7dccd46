import { topicOf, type Bus } from './bus.ts';

/** Wakes those who watch a conversation, its user's conversations, or all: on this node at once, on the others soon after. */
export interface WakeUps {
  wake(conversationId: number, userId: number | null): void;
}

/** Conversations in which something has changed, each with its user. */
type Changed = [conversationId: number, userId: number | null][];

/** What the nodes tell each other. */
const topic = 'feed';

/** One message to the others for all that changes at the same time. */
export function createWakeUps(bus: Bus): WakeUps {
  let gathered = new Map<string, Changed[number]>();
  let isOurs = false;

  const tellOthers = () => {
    const changed: Changed = [...gathered.values()];
    gathered = new Map();
    isOurs = true;
    try {
      bus.publish(topic, changed);
    } finally {
      isOurs = false;
    }
  };
  bus.subscribe(topic, (message) => {
    if (!isOurs) wakeHere(bus, message as Changed);
  });
  return {
    wake(conversationId, userId) {
      wakeHere(bus, [[conversationId, userId]]);
      if (bus.state() === 'alone') return;
      if (gathered.size === 0) queueMicrotask(tellOthers);
      gathered.set(`${conversationId} ${userId}`, [conversationId, userId]);
    },
  };
}

function wakeHere(bus: Bus, changed: Changed): void {
  for (const [conversationId, userId] of changed) {
    bus.wake(topicOf({ conversationId }));
    if (userId !== null) bus.wake(topicOf({ userId }));
  }
  bus.wake(topicOf('everyone'));
}
