/** Who has what in a filled database. */
export interface Population {
  /** Ordinary users. */
  users: number;
  conversationsEach: number;
  /** Questions with their answers in each conversation. */
  exchanges: number;
  /** A user with a large share: conversations as everybody's, and one that is huge. */
  heavy?: { conversations: number; hugeExchanges: number };
  /** The heavy user's calls to models, and over how many days they are spread; others have some too. */
  calls?: { count: number; days: number };
  /** Guests of the helpdesk, who have no account, and the agents who answer some of them. */
  desk?: { guests: number; conversationsEach: number; exchanges: number; agents: number };
}

/** Ids of users: the administrator, the heavy user, and the ordinary ones from 3 on. */
export const adminId = 1;
export const heavyId = 2;
const firstOrdinaryId = 3;

/** The contracts through which conversations begin. */
export type Channel = 'assistant' | 'companion' | 'helpdesk';

/** A conversation that is to be written. */
export interface Planned {
  /** Null for a guest's. */
  userId: number | null;
  /** The guest's number, from 0. */
  guest?: number;
  channel: Channel;
  exchanges: number;
}

/** The id of each ordinary user. */
export function ordinaryIds({ users }: Population): number[] {
  return Array.from({ length: users }, (_, index) => firstOrdinaryId + index);
}

/** The ids of the agents, after all other users'. */
export function agentIds({ users, desk }: Population): number[] {
  return Array.from({ length: desk?.agents ?? 0 }, (_, index) => firstOrdinaryId + users + index);
}

/** The id of the first guest as a customer. */
export function firstGuestCustomer({ users, desk }: Population): number {
  return firstOrdinaryId + users + (desk?.agents ?? 0);
}

/** Exchanges in all. */
export function exchangesIn({ users, conversationsEach, exchanges, heavy, desk }: Population): number {
  const common = users * conversationsEach + (heavy?.conversations ?? 0);
  const guests = desk === undefined ? 0 : desk.guests * desk.conversationsEach * desk.exchanges;
  return common * exchanges + (heavy?.hugeExchanges ?? 0) + guests;
}

/** Conversations that go on at the same time. */
const atOnce = { ordinary: 64, heavy: 8, huge: 1, guests: 64 };

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

function lanesOf({ users, conversationsEach, exchanges, heavy, desk }: Population): Lane[] {
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
  if (desk) {
    const ofGuest = (index: number): Planned => ({
      userId: null,
      guest: index % desk.guests,
      channel: 'helpdesk',
      exchanges: desk.exchanges,
    });
    lanes.push(createLane(desk.guests * desk.conversationsEach, desk.exchanges, atOnce.guests, ofGuest));
  }
  return lanes;
}
