/** Lets the turns of one conversation run one after the other, each with the answers before it in its context. */
export interface TurnLine<T extends { conversationId: number }> {
  /** Puts a turn at the end of its conversation's line; true where it is first and may run. */
  join(turn: T): boolean;
  /** Puts a turn into its line before all of those that come later. */
  insert(turn: T, isLater: (other: T) => boolean): void;
  /** Takes a turn out, wherever it stands; the one that may run now, if it had to wait for this. */
  leave(turn: T): T | undefined;
  in(conversationId: number): readonly T[];
}

export function createTurnLine<T extends { conversationId: number }>(): TurnLine<T> {
  const lines = new Map<number, T[]>();
  return {
    join(turn) {
      const line = lines.get(turn.conversationId);
      if (line !== undefined) return line.push(turn) === 1;
      lines.set(turn.conversationId, [turn]);
      return true;
    },
    insert(turn, isLater) {
      const line = lines.get(turn.conversationId) ?? [];
      const at = line.findIndex(isLater);
      line.splice(at === -1 ? line.length : at, 0, turn);
      lines.set(turn.conversationId, line);
    },
    leave(turn) {
      const line = lines.get(turn.conversationId) ?? [];
      const at = line.indexOf(turn);
      if (at >= 0) line.splice(at, 1);
      if (line.length === 0) lines.delete(turn.conversationId);
      return at === 0 ? line[0] : undefined;
    },
    in: (conversationId) => lines.get(conversationId) ?? [],
  };
}
