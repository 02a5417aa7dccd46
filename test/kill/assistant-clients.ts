import {
  beginAsking,
  noteAsked,
  noteOffset,
  noteOutcome,
  noteSeen,
  sessionRecord,
  type Asking,
  type SessionRecord,
} from './records.ts';
import { sseEvents } from './sse.ts';
import type { Life } from '../support/mortal-server.ts';
import { drawPace, insist, openRequest, request, think, type Person, type World } from './world.ts';

export interface MessageBody {
  id: number;
  role: string;
  content: string;
  status: string;
}

interface AnswerBody {
  session_id: number;
  message: MessageBody;
  error?: { code: string };
}

const sessionsPath = '/api/v1/chat/sessions';

/** A person who asks over HTTP, and sometimes renames, rates, stops, and sends everything twice. */
export async function runChatClient(world: World, person: Person): Promise<void> {
  const { chance, records } = world;
  const sessions: number[] = [];
  while (world.isRunning()) {
    const sessionId = sessions.length === 0 || chance.percent(8) ? undefined : chance.pick(sessions);
    const asking = beginAsking(records, 'assistant', person.name, drawPace(world), sessionId);
    const waiting = [askOverHttp(world, person, asking)];
    if (chance.percent(15)) waiting.push(askOverHttp(world, person, asking));
    if (sessionId !== undefined && chance.percent(10)) waiting.push(stop(world, person, sessionId));
    if (sessionId !== undefined && chance.percent(15)) {
      const second = beginAsking(records, 'assistant', person.name, drawPace(world), sessionId);
      waiting.push(askOverHttp(world, person, second));
    }
    await Promise.all(waiting);
    if (sessionId === undefined && asking.sessionId !== undefined) sessions.push(asking.sessionId);
    if (chance.percent(20) && sessions.length > 0) await rename(world, person, chance.pick(sessions));
    if (chance.percent(15) && sessions.length > 0) await rate(world, person, chance.pick(sessions));
    await think(world);
  }
}

/** A person who deletes sessions, with an answer on its way in some of them. */
export async function runDeletingClient(world: World, person: Person): Promise<void> {
  const { chance, records } = world;
  while (world.isRunning()) {
    const first = beginAsking(records, 'assistant', person.name, 'quickly');
    await askOverHttp(world, person, first);
    if (first.sessionId === undefined) continue;
    const session = sessionRecord(records, person.name, first.sessionId);
    await remember(world, person, session);
    const waiting: Promise<void>[] = [];
    if (chance.percent(60)) {
      const running = beginAsking(records, 'assistant', person.name, 'slowly', session.id);
      waiting.push(askOverHttp(world, person, running));
      await think(world);
    }
    await remove(world, person, session);
    await Promise.all(waiting);
    await think(world);
  }
}

/** A person who listens to answers as they are made, and after each crash goes on where the text broke off. */
export async function runStreamClient(world: World, person: Person): Promise<void> {
  const { chance, records } = world;
  let sessionId: number | undefined;
  while (world.isRunning()) {
    if (chance.percent(8)) sessionId = undefined;
    const asking = beginAsking(records, 'assistant stream', person.name, drawPace(world), sessionId);
    await hear(world, person, asking);
    sessionId ??= asking.sessionId;
    await think(world);
  }
}

/** Asks until there is an outcome. */
export async function askOverHttp(world: World, person: Person, asking: Asking): Promise<void> {
  const { records, moments } = world;
  const session = asking.sessionId;
  const body = { message: asking.text, ...(session !== undefined && { session_id: session }) };
  const headers = { 'idempotency-key': asking.id };
  const { status, body: told } = await insist(world, `the question ${asking.id}`, (life) =>
    request<AnswerBody>(life, 'POST', '/api/v1/chat', person.token, { body, headers }),
  );
  if (status === 200) {
    noteAsked(records, moments, asking, told.session_id, told.message.id);
    noteOutcome(records, moments, asking, outcomeOf(told.message));
  } else {
    noteOutcome(records, moments, asking, { failure: status });
  }
}

const outcomeOf = ({ content, status }: MessageBody) => ({ content, status });

async function stop(world: World, person: Person, sessionId: number): Promise<void> {
  await think(world);
  const told = await insist(world, `stopping ${sessionId}`, (life) =>
    request(life, 'POST', `${sessionsPath}/${sessionId}/stop`, person.token),
  );
  if (told.status !== 200) world.records.faults.push(`stopping ${sessionId} was answered ${told.status}`);
}

async function rename(world: World, person: Person, sessionId: number): Promise<void> {
  const session = sessionRecord(world.records, person.name, sessionId);
  const { title } = session;
  const name = `Title ${world.chance.whole(0, 1e9)}`;
  title.asked = name;
  await write(world, person, 'PATCH', `${sessionsPath}/${sessionId}`, { title: name });
  title.acknowledged = name;
  title.asked = undefined;
  session.renames++;
}

async function rate(world: World, person: Person, sessionId: number): Promise<void> {
  const session = sessionRecord(world.records, person.name, sessionId);
  const { score } = session;
  const given = world.chance.whole(1, 5);
  score.asked = given;
  await write(world, person, 'POST', `${sessionsPath}/${sessionId}/rating`, { score: given });
  score.acknowledged = given;
  score.asked = undefined;
  session.ratings++;
}

async function remove(world: World, person: Person, session: SessionRecord): Promise<void> {
  session.removed.asked = true;
  await write(world, person, 'DELETE', `${sessionsPath}/${session.id}`);
  session.removed.acknowledged = true;
}

/** A write under a key of its own, until it is acknowledged. */
async function write(world: World, person: Person, method: string, path: string, body?: object) {
  const headers = { 'idempotency-key': `w${world.chance.whole(0, Number.MAX_SAFE_INTEGER)}` };
  const told = await insist(world, `${method} ${path}`, (life) =>
    request(life, method, path, person.token, { headers, ...(body !== undefined && { body }) }),
  );
  if (told.status !== 200) {
    world.records.faults.push(`${method} ${path} was answered ${told.status} ${JSON.stringify(told.body)}`);
  }
}

async function remember(world: World, person: Person, session: SessionRecord): Promise<void> {
  const path = `${sessionsPath}/${session.id}/messages`;
  const told = await insist(world, path, (life) => request<MessageBody[]>(life, 'GET', path, person.token));
  session.last = told.body;
}

type StreamEvent =
  | { type: 'start'; session_id: number; message_id: number }
  | { type: 'delta'; content: string; offset: number }
  | ({ type: 'done' } & AnswerBody)
  | { type: 'error'; error: { code: string } };

/** Asks, or goes on from the event `from` of the answer, and listens until the end. */
export async function hear(world: World, person: Person, asking: Asking, from?: string): Promise<void> {
  let lastEventId = from;
  await insist(world, `the stream of ${asking.id}`, async (life) => {
    const response = await openStream(life, person, asking, lastEventId);
    if (response.status !== 200) {
      const text = await response.text();
      if (lastEventId !== undefined) throw new Error(`the rest of it: ${response.status} ${text}`);
      noteOutcome(world.records, world.moments, asking, { failure: response.status });
      return;
    }
    let position = Number(lastEventId?.split(':')[1] ?? 0);
    for await (const { id, data } of sseEvents(response)) {
      const event = JSON.parse(data) as StreamEvent;
      if (event.type === 'delta') {
        noteOffset(world.records, asking, position, event.offset);
        position += event.content.length;
      }
      lastEventId = id ?? lastEventId;
      // What breaks off while something is broken may go on elsewhere.
      if (event.type === 'error' && !world.server.isAlive(life)) throw new Error(data);
      if (noteEvent(world, asking, event)) return;
    }
    throw new Error('the stream ended without its end');
  });
}

/** The question where it is new; else what follows on the last event that was seen. */
function openStream(life: Life, person: Person, asking: Asking, lastEventId: string | undefined) {
  const { sessionId, text } = asking;
  const path = sessionId === undefined ? '/api/v1/chat' : `${sessionsPath}/${sessionId}/stream`;
  if (lastEventId !== undefined) {
    const headers = { 'last-event-id': lastEventId };
    return openRequest(life, 'POST', path, person.token, { headers, body: {} });
  }
  const body = { message: text, ...(sessionId === undefined && { stream: true }) };
  return openRequest(life, 'POST', path, person.token, { body, headers: { 'idempotency-key': asking.id } });
}

/** Whether it is the last. */
function noteEvent({ records, moments }: World, asking: Asking, event: StreamEvent): boolean {
  switch (event.type) {
    case 'start':
      noteAsked(records, moments, asking, event.session_id, event.message_id);
      return false;
    case 'delta':
      noteSeen(records, moments, asking, event.offset, event.content);
      return false;
    case 'done':
      noteAsked(records, moments, asking, event.session_id, event.message.id);
      noteOutcome(records, moments, asking, outcomeOf(event.message));
      return true;
    case 'error':
      noteOutcome(records, moments, asking, { failure: event.error.code });
      return true;
    default:
      return event satisfies never;
  }
}
