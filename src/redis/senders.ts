/** What is known of other processes by the numbers of what they sent. */
export interface Senders {
  /** `missed`: what came between this one and the last is lost. `old`: something later has been heard already. */
  hear(from: string, number: number): 'next' | 'missed' | 'old';
}

/** Whoever was silent longest is forgotten beyond so many; processes come and go under names of their own. */
const mostKnown = 1_000;

export function createSenders(): Senders {
  const lastOf = new Map<string, number>();
  return {
    hear(from, number) {
      const last = lastOf.get(from) ?? 0;
      if (number <= last) return 'old';
      lastOf.delete(from);
      lastOf.set(from, number);
      const [longestSilent] = lastOf.keys();
      if (lastOf.size > mostKnown && longestSilent !== undefined) lastOf.delete(longestSilent);
      return number === last + 1 ? 'next' : 'missed';
    },
  };
}
