/** How far a client has been told. */
export interface Cursor {
  /** All changes up to this one. */
  after: number;
  /** Of a session: the answer on its way, and how much of it, in code units; one more than it has once its end was told. */
  turn?: { id: number; offset: number } | undefined;
  /** Of staff: frames of the next change. */
  seen?: number | undefined;
}

/** Later than everything: whoever claims to have seen this is told to begin anew. */
const unknown: Cursor = { after: Number.MAX_SAFE_INTEGER };

/** `18`, `18:41:120` in the middle of answer 41, `18.1` in the middle of change 19. Undefined where a client shows none. */
export function cursorFrom(text: string | null | undefined): Cursor | undefined {
  if (text === null || text === undefined || text === '') return undefined;
  const [, after, seen, id, offset] = /^(\d{1,15})(?:\.(\d)|:(\d{1,15}):(\d{1,15}))?$/u.exec(text) ?? [];
  if (after === undefined) return unknown;
  const turn = id === undefined ? undefined : { id: Number(id), offset: Number(offset) };
  return { after: Number(after), turn, seen: seen === undefined ? undefined : Number(seen) };
}

export function cursorText({ after, turn, seen = 0 }: Cursor): string {
  if (turn !== undefined) return `${after}:${turn.id}:${turn.offset}`;
  return seen === 0 ? String(after) : `${after}.${seen}`;
}
