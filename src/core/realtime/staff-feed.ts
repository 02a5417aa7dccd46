import type { Feed, FeedItem } from './feed.ts';

/** A change, made ready to be told to everybody. */
export interface Prepared {
  cursor: number;
}

/** Somebody who is told of all conversations. */
export interface StaffWatcher<Change extends Prepared> {
  /**
   * Changes, oldest first, none twice and none left out. Nothing more is told while a promise is open, and nobody else waits
   * for it.
   */
  onChanges(changes: readonly Change[]): Promise<void> | void;
  /** As `Watcher.onReset`. */
  onReset(cursor: number): void;
  /** Nothing more will be told. */
  onFailure(thrown: unknown): void;
}

/**
 * Everything that changes, for the many who watch all of it: it is read and made ready once for all who are at the present. Who
 * comes back with an older cursor, or is too slow, catches up alone and then joins the others.
 */
export interface StaffFeed<Change extends Prepared> {
  /**
   * Tells of all changes after `cursor` until the returned function is called. Without a cursor, from now on: after the change
   * `from`.
   */
  watch(
    cursor: number | undefined,
    watcher: StaffWatcher<Change>,
  ): Promise<{ from: number; stop: () => void }>;
}

export interface StaffFeedParts<Change extends Prepared> {
  feed: Pick<Feed, 'head' | 'watch'>;
  /** Makes changes ready, in their order, one for one. */
  prepare: (items: readonly FeedItem[]) => Promise<Change[]>;
  /** Called with what was told to somebody: once for all who were told together, and for each who caught up alone. */
  afterTelling?: (items: readonly FeedItem[]) => void;
}

/** Those who are told together. */
interface Pump<Change extends Prepared> {
  /** Of the last change that all of them were told. */
  cursor: number;
  present: Set<Member<Change>>;
  stop: () => void;
}

interface Member<Change extends Prepared> {
  watcher: StaffWatcher<Change>;
  /** Of the last change that this one was told. */
  cursor: number;
  gone: boolean;
  /** Ends the reading of its own, while it catches up. */
  stopAlone: (() => void) | undefined;
}

interface State<Change extends Prepared> extends StaffFeedParts<Change> {
  pump: Promise<Pump<Change>> | undefined;
  members: number;
}

export function createStaffFeed<Change extends Prepared>(parts: StaffFeedParts<Change>): StaffFeed<Change> {
  const state: State<Change> = { ...parts, pump: undefined, members: 0 };
  return {
    async watch(cursor, watcher) {
      const member: Member<Change> = { watcher, cursor: cursor ?? 0, gone: false, stopAlone: undefined };
      state.members++;
      try {
        const pump = await (state.pump ??= open(state));
        if (cursor === undefined) {
          member.cursor = pump.cursor;
          pump.present.add(member);
        } else {
          await catchUp(state, pump, member);
        }
        return { from: member.cursor, stop: () => leave(state, pump, member) };
      } catch (thrown) {
        member.gone = true;
        closeIfEmpty(state, 1);
        throw thrown;
      }
    },
  };
}

async function open<Change extends Prepared>(state: State<Change>): Promise<Pump<Change>> {
  const { feed } = state;
  try {
    const pump: Pump<Change> = { cursor: await feed.head(), present: new Set(), stop: () => {} };
    pump.stop = await feed.watch('everyone', pump.cursor, {
      onItems: (items) => tellAll(state, pump, items),
      onReset(cursor) {
        pump.cursor = cursor;
        for (const member of pump.present) {
          member.cursor = cursor;
          member.watcher.onReset(cursor);
        }
      },
      onFailure(thrown) {
        state.pump = undefined;
        const lost = [...pump.present];
        pump.present.clear();
        // Who is catching up goes on alone: there is nobody left to join.
        pump.cursor = Number.POSITIVE_INFINITY;
        for (const { watcher } of lost) watcher.onFailure(thrown);
      },
    });
    return pump;
  } catch (thrown) {
    state.pump = undefined;
    throw thrown;
  }
}

async function tellAll<Change extends Prepared>(
  state: State<Change>,
  pump: Pump<Change>,
  items: readonly FeedItem[],
): Promise<void> {
  if (pump.present.size > 0) {
    const changes = await state.prepare(items);
    for (const member of pump.present) tellPresent(state, pump, member, changes);
    state.afterTelling?.(items);
  }
  pump.cursor = items.at(-1)?.cursor ?? pump.cursor;
}

function tellPresent<Change extends Prepared>(
  state: State<Change>,
  pump: Pump<Change>,
  member: Member<Change>,
  changes: readonly Change[],
): void {
  // Who has caught up alone may be ahead of the others.
  const isAhead = (changes[0]?.cursor ?? 0) <= member.cursor;
  const news = isAhead ? changes.filter(({ cursor }) => cursor > member.cursor) : changes;
  if (news.length === 0) return;
  member.cursor = news.at(-1)?.cursor ?? member.cursor;
  try {
    const telling = member.watcher.onChanges(news);
    if (telling === undefined) return;
    pump.present.delete(member);
    telling.then(() => catchUp(state, pump, member)).catch((thrown: unknown) => lose(pump, member, thrown));
  } catch (thrown) {
    lose(pump, member, thrown);
  }
}

/** Reads on alone until there is nothing that the others know and this one does not. */
async function catchUp<Change extends Prepared>(
  state: State<Change>,
  pump: Pump<Change>,
  member: Member<Change>,
): Promise<void> {
  if (member.gone) return;
  const { watcher } = member;
  const stop = await state.feed.watch('everyone', member.cursor, {
    async onItems(items) {
      const changes = await state.prepare(items);
      if (member.gone) return;
      member.cursor = items.at(-1)?.cursor ?? member.cursor;
      await watcher.onChanges(changes);
      state.afterTelling?.(items);
      joinWhenPresent(pump, member);
    },
    onReset(cursor) {
      member.cursor = cursor;
      watcher.onReset(cursor);
    },
    onFailure: (thrown) => lose(pump, member, thrown),
  });
  if (member.gone) return stop();
  member.stopAlone = stop;
  joinWhenPresent(pump, member);
}

function joinWhenPresent<Change extends Prepared>(pump: Pump<Change>, member: Member<Change>): void {
  if (member.gone || member.stopAlone === undefined || member.cursor < pump.cursor) return;
  member.stopAlone();
  member.stopAlone = undefined;
  pump.present.add(member);
}

function lose<Change extends Prepared>(pump: Pump<Change>, member: Member<Change>, thrown: unknown): void {
  if (member.gone) return;
  pump.present.delete(member);
  member.stopAlone?.();
  member.stopAlone = undefined;
  member.watcher.onFailure(thrown);
}

function leave<Change extends Prepared>(
  state: State<Change>,
  pump: Pump<Change>,
  member: Member<Change>,
): void {
  if (member.gone) return;
  member.gone = true;
  pump.present.delete(member);
  member.stopAlone?.();
  closeIfEmpty(state, 1);
}

/** With nobody watching, nothing is read. */
function closeIfEmpty<Change extends Prepared>(state: State<Change>, left: number): void {
  state.members -= left;
  if (state.members > 0 || state.pump === undefined) return;
  state.pump.then(({ stop }) => stop()).catch(() => {});
  state.pump = undefined;
}
