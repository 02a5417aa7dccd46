import { setTimeout } from 'node:timers/promises';
import type { Moments } from './moments.ts';
import type { Pace } from './questions.ts';
import type { Chance } from '../support/chance.ts';
import type { Records, WatchRecord } from './records.ts';
import type { Insisting } from '../support/insist.ts';

export { insist, openRequest, request, type Told } from '../support/insist.ts';

/** What a client lives in. */
export interface World {
  server: Insisting['server'];
  moments: Moments;
  records: Records;
  chance: Chance;
  /** Whether to go on asking. */
  isRunning(): boolean;
  /** Resolves when a socket, that is about to leave, was told what has happened by now; at once where it is told that before anybody else. */
  untilTold?(watch: WatchRecord): Promise<void>;
}

/** Somebody with a login of each kind. */
export interface Person {
  id: number;
  name: string;
  token: string;
  companionToken: string;
}

export function drawPace({ chance }: World): Pace {
  const at = chance.whole(1, 100);
  if (at <= 4) return 'never';
  return at <= 40 ? 'slowly' : 'quickly';
}

/** What a person takes to think of the next question. */
export async function think({ chance }: World): Promise<void> {
  await setTimeout(chance.whole(0, 60));
}
