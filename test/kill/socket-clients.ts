import { setTimeout } from 'node:timers/promises';
import { askOverHttp, type MessageBody } from './assistant-clients.ts';
import { openLine, type Line, type SocketFrame } from './line.ts';
import {
  beginAsking,
  isMadeAgain,
  noteAsked,
  noteOutcome,
  noteSeen,
  type Asking,
  type Records,
  type WatchRecord,
} from './records.ts';
import { drawPace, insist, request, think, type Person, type World } from './world.ts';

/** Somebody who asks on one socket, and has another open that only watches: it must be told of everything once. */
export async function runAssistantSockets(world: World, person: Person): Promise<void> {
  const sessionId = await beginSession(world, person);
  const path = `/api/v1/chat/sessions/${sessionId}/messages`;
  const snapshot = await lookFirst<MessageBody[]>(world, path, person.token);
  await talk(world, person, {
    door: 'assistant socket',
    path: `/ws/chat/${sessionId}?token=${person.token}`,
    cursor: snapshot.cursor,
    known: snapshot.body.map(({ id }) => id),
    sessionId,
    frame: ({ id, text }) => ({ type: 'message', id, data: { content: text } }),
  });
}

/** A socket that only watches a session, from its beginning or from now on. */
export async function watchSession(world: World, person: Person, sessionId: number): Promise<WatchLine> {
  const path = `/api/v1/chat/sessions/${sessionId}/messages`;
  const { cursor, body } = await lookFirst<MessageBody[]>(world, path, person.token);
  const known = body.map(({ id }) => id);
  const name = `${person.name}'s watching socket`;
  return watchLine(world, person, {
    name,
    asks: false,
    path: `/ws/chat/${sessionId}?token=${person.token}`,
    cursor,
    known,
    sessionId,
  });
}

/** A question whose answer was cut off stays so under its key, and does not tell its session: then another is asked. */
async function beginSession(world: World, person: Person): Promise<number> {
  for (;;) {
    const first = beginAsking(world.records, 'assistant', person.name, 'quickly');
    await askOverHttp(world, person, first);
    if (first.sessionId !== undefined) return first.sessionId;
  }
}

export async function runCompanionSockets(world: World, person: Person): Promise<void> {
  const path = '/api/v1/chat/history';
  const snapshot = await lookFirst<{ messages: { id: string }[] }>(world, path, person.companionToken);
  await talk(world, person, {
    door: 'companion socket',
    path: `/ws/chat?token=${person.companionToken}`,
    cursor: snapshot.cursor,
    known: snapshot.body.messages.map(({ id }) => Number(id)),
    sessionId: undefined,
    frame: ({ id, text }) => ({ type: 'message', id, content: text }),
  });
}

interface Door {
  door: string;
  path: string;
  /** The snapshot with which a client begins, and the messages in it. */
  cursor: string;
  known: number[];
  sessionId: number | undefined;
  frame(asking: Asking): object;
}

async function talk(world: World, person: Person, door: Door): Promise<void> {
  const { chance, records } = world;
  const { cursor, known, path, sessionId } = door;
  const lines = [true, false].map((asks) => {
    const name = `${person.name}'s ${asks ? 'asking' : 'watching'} ${door.door}`;
    return watchLine(world, person, { name, asks, path, cursor, known, sessionId });
  });
  const [line] = lines as [WatchLine];
  while (world.isRunning()) {
    const asking = beginAsking(records, door.door, person.name, drawPace(world), door.sessionId);
    await askOnLine(world, line, asking, door);
    if (chance.percent(20)) (await line.connection()).send({ type: 'read' });
    await think(world);
  }
  await Promise.all(lines.map(({ leave }) => leave()));
}

/** A line whose frames are noted. */
interface WatchLine extends Line {
  /** Closes it, with everything told that there is to tell. */
  leave(): Promise<void>;
}

interface Watched extends Pick<Door, 'path' | 'cursor' | 'known' | 'sessionId'> {
  name: string;
  /** Whether questions are asked on it, too. */
  asks: boolean;
}

function watchLine(world: World, person: Person, watched: Watched): WatchLine {
  const { name, asks, path, cursor, known, sessionId } = watched;
  const watch = { name, user: person.name, sessionId, once: !asks, known, told: [] };
  world.records.watches.push(watch);
  const onFrame = createReader(world, watch, asks);
  const line = openLine(world, { name, path: `${path}&stream=true`, cursor, onFrame });
  const leave = async () => {
    await line.connection();
    await world.untilTold?.(watch);
    line.close();
  };
  return { ...line, leave };
}

/** Sends the question again after a crash, or a refusal, unless it was shown meanwhile; sometimes twice for no reason. */
async function askOnLine(world: World, line: Line, asking: Asking, { frame }: Door): Promise<void> {
  const { chance, records, server } = world;
  while (asking.outcome === undefined) {
    const connection = await line.connection();
    if (!asking.stored) connection.send(frame(asking));
    if (!asking.stored && chance.percent(10)) connection.send(frame(asking));
    const refusal = await Promise.race([connection.lost, settled(asking)]);
    if (refusal === undefined || asking.stored) continue;
    if (server.isCalm(connection.life)) records.faults.push(`${asking.id} was refused: ${refusal}`);
    await setTimeout(50);
  }
}

const settlers = new WeakMap<Asking, (refusal?: string) => void>();

/** Resolves when it has an outcome, or to why it was refused. */
function settled(asking: Asking): Promise<string | void> {
  if (asking.outcome !== undefined) return Promise.resolve();
  return new Promise((resolve) => settlers.set(asking, resolve));
}

/** Notes what frames tell: both contracts' frames agree in what matters here. */
function createReader(world: World, watch: WatchRecord, asks: boolean): (frame: SocketFrame) => void {
  const { records, moments } = world;
  /** By the id of their question, then of their answer. */
  const askings = new Map<number, Asking>();
  let open: Asking | undefined;
  return ({ type, id: answered, data = {}, cursor }) => {
    const id = Number(data.id);
    const refused = type === 'error' && data.id === undefined ? answered : undefined;
    if (refused !== undefined) {
      const asking = records.askings.find((each) => each.id === refused);
      if (asking !== undefined) settlers.get(asking)?.(data.error ?? data.content);
      return;
    }
    if (type === 'message_removed') return note(records, watch, 'removed', id, cursor);
    if (type === 'message' && data.role === 'user') {
      const asking = records.askings.find(({ text }) => text === data.content);
      if (asking === undefined)
        return void records.faults.push(`${watch.name}: nobody asked ${data.content}`);
      note(records, watch, 'asked', id, cursor);
      open = asking;
      if (asks) noteAsked(records, moments, asking);
      return;
    }
    const isFailure = type === 'error' && data.id !== undefined && data.role === 'system';
    if ((type !== 'message' || data.role !== 'assistant') && !isFailure) return;
    const asking = askings.get(id) ?? records.askings.find(({ answerId }) => answerId === id) ?? open;
    if (asking === undefined) return void records.faults.push(`${watch.name}: an answer ${id} to nothing`);
    askings.set(id, asking);
    const { content = '' } = data;
    if (data.status === 'streaming') return noteSeen(records, moments, asking, 0, content);
    const state = data.state ?? data.status ?? 'failed';
    if (isFailure && watch.told.some(({ key }) => key === `answered ${id}`)) return;
    note(records, watch, 'answered', id, cursor);
    const failed = isFailure || (content === '' && state !== 'completed');
    noteAsked(records, moments, asking, undefined, id);
    // Studio's clients are told more of a failure.
    if (failed && isMadeAgain(asking)) return;
    noteOutcome(records, moments, asking, failed ? { failure: 'told' } : { content, status: state });
    settlers.get(asking)?.();
  };
}

function note(
  { faults }: Records,
  { name, told }: WatchRecord,
  what: string,
  id: number,
  cursor: string | number = '',
): void {
  const at = Number(String(cursor).split(':')[0]);
  if (Number.isNaN(at)) faults.push(`${name}: the cursor ${cursor}`);
  told.push({ cursor: at, key: `${what} ${id}` });
}

async function lookFirst<T>(world: World, path: string, token: string): Promise<{ cursor: string; body: T }> {
  const { headers, body } = await insist(world, path, (life) => request<T>(life, 'GET', path, token));
  return { cursor: headers.get('x-feed-cursor') ?? '', body };
}
