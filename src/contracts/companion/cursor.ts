/** Where a client is in the feed: after the change `after`, and `seen` frames into the next one. */
export interface Position {
  after: number;
  seen: number;
}

/**
 * A position as clients see it: a number that rises with every frame of the feed. A whole one is the cursor of a change of which
 * everything was told; 16.2 is in the middle of 17, of which there are at most five frames.
 */
export function cursorOf({ after, seen }: Position): number {
  return seen === 0 ? after : Number(`${after}.${seen}`);
}

/** Undefined for what is no cursor. */
export function positionOf(cursor: string): Position | undefined {
  const [, after = '', seen = '0'] = /^(\d{1,15})(?:\.(\d))?$/u.exec(cursor) ?? [];
  return after === '' ? undefined : { after: Number(after), seen: Number(seen) };
}
