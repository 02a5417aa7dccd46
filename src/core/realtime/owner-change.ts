import type { StatusChange } from '../../storage/feed.ts';
import type { FeedItem } from './feed.ts';

/** Who is in charge of the conversation after a change; undefined for a change that is about something else, labels included. */
export function ownerAfter({ type, data }: Pick<FeedItem, 'type' | 'data'>): StatusChange | undefined {
  if (type !== 'status' || data === null) return undefined;
  const change = data as unknown as StatusChange;
  return change.cause === 'priority' || change.cause === 'tags' ? undefined : change;
}
