/** Who has what in a filled database. */
export interface Population {
  /** Ordinary users. */
  users: number;
  conversationsEach: number;
  /** Questions with their answers in each conversation. */
  exchanges: number;
  /** A user with a large share: conversations as everybody's, and one that is huge. */
  heavy?: { conversations: number; hugeExchanges: number };
}

/** Ids of users: the administrator, the heavy user, and the ordinary ones from 3 on. */
export const adminId = 1;
export const heavyId = 2;
const firstOrdinaryId = 3;

/** The contracts through which conversations begin. */
export type Channel = 'assistant' | 'companion';

/** A conversation that is to be written. */
export interface Planned {
  userId: number;
  channel: Channel;
  exchanges: number;
}

/** The id of each ordinary user. */
export function ordinaryIds({ users }: Population): number[] {
  return Array.from({ length: users }, (_, index) => firstOrdinaryId + index);
}

/** Exchanges in all. */
export function exchangesIn({ users, conversationsEach, exchanges, heavy }: Population): number {
  const common = users * conversationsEach + (heavy?.conversations ?? 0);
  return common * exchanges + (heavy?.hugeExchanges ?? 0);
}

/** Conversations that go on at the same time. */
const atOnce = { ordinary: 64, heavy: 8, huge: 1 };

/** Conversations of one kind, some of them open at the same time, each getting its next exchange in turn. */
interface Lane {
  total: number;
  done: number;
  conversations: number;
  begun: number;
  open: { conversation: Planned; left: number }[];
  plan: (index: number) => Planned;
}

function createLane(conversations: number, exchangesEach: number, open: number, plan: Lane['plan']): Lane {
  const lane: Lane = {
    total: conversations * exchangesEach,
    done: 0,
    conversations,
    begun: 0,
    open: [],
    plan,
  };
  while (lane.open.length < open && lane.begun < conversations) begin(lane);
  return lane;
}

function begin(lane: Lane): void {
  const conversation = lane.plan(lane.begun++);
  lane.open.push({ conversation, left: conversation.exchanges });
}

function nextIn(lane: Lane): Planned {
  lane.done++;
  const turn = lane.open.shift()!;
  turn.left--;
  if (turn.left > 0) lane.open.push(turn);
  else if (lane.begun < lane.conversations) begin(lane);
  return turn.conversation;
}

/**
 * The conversation of each exchange, in the order of time: many go on at once, so that the rows of one lie scattered among those of
 * others, and what the heavy user does is spread evenly over everything.
 */
export function* exchangesOf(population: Population): Generator<Planned> {
  const lanes = lanesOf(population);
  for (let left = exchangesIn(population); left > 0; left--) {
    let lane = lanes[0]!;
    for (const other of lanes)
      if ((other.done + 1) / other.total < (lane.done + 1) / lane.total) lane = other;
    yield nextIn(lane);
  }
}

function lanesOf({ users, conversationsEach, exchanges, heavy }: Population): Lane[] {
  const ordinary = (index: number): Planned => ({
    userId: firstOrdinaryId + (index % users),
    channel: Math.floor(index / users) % 2 === 0 ? 'assistant' : 'companion',
    exchanges,
  });
  const lanes = [createLane(users * conversationsEach, exchanges, atOnce.ordinary, ordinary)];
  if (heavy) {
    const { conversations, hugeExchanges } = heavy;
    const ofHeavy = (of: number) => (): Planned => ({ userId: heavyId, channel: 'assistant', exchanges: of });
    lanes.push(
      createLane(1, hugeExchanges, atOnce.huge, ofHeavy(hugeExchanges)),
      createLane(conversations, exchanges, atOnce.heavy, ofHeavy(exchanges)),
    );
  }
  return lanes;
}
