import type { Signals } from './signals.ts';

/** A customer's client that says when its user types. */
export interface Typist {
  /** When it was last passed on as typing, monotonic, and whether it has stopped since; undefined where it never was. */
  typed: { at: number; isTyping: boolean } | undefined;
}

/** How often somebody is said to be typing, at most. */
const typingEveryMs = 250;

/** Tells the agents who look at the conversation that the customer types, or has stopped; what comes too often, or says nothing new, is left out. `now` is monotonic. */
export function signalTyping(
  signals: Pick<Signals, 'send'>,
  typist: Typist,
  { conversationId, isTyping, now }: { conversationId: number; isTyping: boolean; now: number },
): void {
  const { typed } = typist;
  if (isTyping ? typed !== undefined && now - typed.at < typingEveryMs : typed?.isTyping !== true) return;
  typist.typed = { at: isTyping ? now : (typed?.at ?? now), isTyping };
  signals.send({ type: 'typing', conversationId, from: { kind: 'customer' }, isTyping });
}
