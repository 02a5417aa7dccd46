/** What a kill can be aimed at. `called`, `told` and `answered` are the vendor's, the others the clients'. */
export interface Moment {
  type: 'called' | 'told' | 'answered' | 'asked' | 'seen' | 'acknowledged';
  /** The question that it is about. */
  question: string;
}

/** Tells of moments while they are there: a listener may kill before anything else happens. */
export interface Moments {
  tell(type: Moment['type'], question: string): void;
  /** The next moment for which `isIt` holds, told to `then` at once. Returns what takes it back. */
  await(isIt: (moment: Moment) => boolean, then: (moment: Moment) => void): () => void;
}

export function createMoments(): Moments {
  const listeners = new Set<(moment: Moment) => void>();
  return {
    tell(type, question) {
      for (const listener of listeners) listener({ type, question });
    },
    await(isIt, then) {
      const listener = (moment: Moment) => {
        if (!isIt(moment)) return;
        listeners.delete(listener);
        then(moment);
      };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
