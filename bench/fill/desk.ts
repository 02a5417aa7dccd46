import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { endsOf } from '../../src/storage/search-terms.ts';
import { agentIds, firstGuestCustomer, type Planned, type Population } from './population.ts';

/** Who is in charge of a conversation, and how it is labelled. */
export interface Kind {
  status: string;
  agentType: string;
  assigneeId: number | null;
  priority: string;
  tags: string[];
}

/** Who began it, as customers are kept. */
interface Seen {
  conversations: number;
  firstSeenAt: number;
  lastSeenAt: number;
}

interface Day {
  begun: number;
  human: number;
  over: number;
}

/** What the helpdesk keeps of all conversations: counts, daily sums, customers and the index of their names. */
export interface DeskBooks {
  begin(planned: Planned, kind: Kind, day: string, at: number): void;
  reply(planned: Planned, at: number): void;
  /** Writes everything. */
  end(): void;
}

/** Users are customers under their own ids. */
export function customerIdOf({ userId, guest }: Planned, population: Population): number {
  return userId ?? firstGuestCustomer(population) + guest!;
}

/** Different for every guest, and found in no other's. */
export function guestIdOf(guest: number): string {
  const name = createHash('md5').update(`guest ${guest}`).digest('hex').slice(0, 12);
  return guest % 3 === 0 ? `访客-${name}` : `guest_${name}`;
}

const untouched: Kind = {
  status: 'open',
  agentType: 'ai',
  assigneeId: null,
  priority: 'medium',
  tags: [],
};

/** Most of the helpdesk's conversations are over, a fifth was a person's, few wait. The other contracts' are with the AI. */
export function kindOf({ channel }: Planned, number: number, population: Population): Kind {
  const agents = agentIds(population);
  if (channel !== 'helpdesk' || agents.length === 0) return untouched;
  const chance = (Math.imul(number, 2_654_435_761) >>> 0) / 2 ** 32;
  const priorityChance = (chance * 97) % 1;
  const priority =
    priorityChance < 0.8
      ? 'medium'
      : priorityChance < 0.9
        ? 'low'
        : priorityChance < 0.97
          ? 'high'
          : 'urgent';
  const tags = priority === 'urgent' ? ['refund', 'vip'] : [];
  if (chance < 0.01) return { status: 'pending', agentType: 'human', assigneeId: null, priority, tags };
  const isPersons = (chance * 13) % 1 < 0.2;
  return {
    status: chance < 0.1 ? 'open' : chance < 0.6 ? 'resolved' : 'closed',
    agentType: isPersons ? 'human' : 'ai',
    assigneeId: isPersons ? agents[number % agents.length]! : null,
    priority,
    tags,
  };
}

export function createDeskBooks(database: DatabaseSync, population: Population): DeskBooks {
  const counts = new Map<string, number>();
  const days = new Map<string, Day>();
  const users = new Map<number, Seen>();
  const guests: Seen[] = [];
  const dayOf = (day: string): Day => {
    const sums = days.get(day) ?? { begun: 0, human: 0, over: 0 };
    days.set(day, sums);
    return sums;
  };
  const seen = ({ userId, guest }: Planned): Seen | undefined =>
    userId === null ? guests[guest!] : users.get(userId);
  return {
    begin(planned, { status, agentType, priority, assigneeId }, day, at) {
      const key = JSON.stringify([status, agentType, priority, assigneeId ?? 0]);
      counts.set(key, (counts.get(key) ?? 0) + 1);
      const sums = dayOf(day);
      sums.begun++;
      if (assigneeId !== null) sums.human++;
      if (status === 'resolved' || status === 'closed') sums.over++;
      const one = seen(planned) ?? { conversations: 0, firstSeenAt: at, lastSeenAt: at };
      one.conversations++;
      if (planned.userId === null) guests[planned.guest!] = one;
      else users.set(planned.userId, one);
    },
    reply(planned, at) {
      seen(planned)!.lastSeenAt = at;
    },
    end() {
      writeSums(database, counts, days);
      writeCustomers(database, population, users, guests);
    },
  };
}

function writeSums(
  database: DatabaseSync,
  counts: ReadonlyMap<string, number>,
  days: ReadonlyMap<string, Day>,
): void {
  const count = database.prepare('INSERT INTO conversation_counts VALUES (?, ?, ?, ?, ?)');
  for (const [key, conversations] of counts) {
    count.run(...(JSON.parse(key) as (string | number)[]), conversations);
  }
  const sum = database.prepare(
    `INSERT INTO desk_daily (day, begun, human, over, replies, reply_ms, ratings, scores)
     VALUES (?, ?, ?, ?, 0, 0, 0, 0)`,
  );
  for (const [day, { begun, human, over }] of days) sum.run(day, begun, human, over);
}

function writeCustomers(
  database: DatabaseSync,
  population: Population,
  users: ReadonlyMap<number, Seen>,
  guests: readonly Seen[],
): void {
  const insert = database.prepare(
    `INSERT INTO customers (id, key, user_id, guest_id, name, email, conversations, first_seen_at, last_seen_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const index = database.prepare('INSERT INTO customer_search (rowid, ends) VALUES (?, ?)');
  const write = (id: number, userId: number | null, guestId: string | null, seen: Seen): void => {
    const name = guestId ?? `user${userId}`;
    const email = userId === null ? null : `${name}@example.com`;
    const key = userId === null ? `guest:${guestId}` : `user:${userId}`;
    insert.run(id, key, userId, guestId, name, email, seen.conversations, seen.firstSeenAt, seen.lastSeenAt);
    index.run(id, endsOf([name, email, guestId]).join(' '));
  };
  for (const [userId, seen] of [...users].toSorted(([a], [b]) => a - b)) write(userId, userId, null, seen);
  for (const [guest, seen] of guests.entries()) {
    write(firstGuestCustomer(population) + guest, null, guestIdOf(guest), seen);
  }
  // They are in the index already, and the messages are not to be taken into theirs while somebody measures.
  database.exec('DELETE FROM customer_changes');
  database.exec(
    'UPDATE message_search_progress SET unread_id = 0, cursor = coalesce((SELECT max(cursor) FROM feed), 0)',
  );
}
