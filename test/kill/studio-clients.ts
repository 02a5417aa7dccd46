import { partsOf } from './questions.ts';
import { noteAsked, noteOffset, noteOutcome, noteSeen, sessionRecord, type Asking } from './records.ts';
import { sseEvents } from './sse.ts';
import type { ReplyEvent } from '../support/studio.ts';
import type { Life } from '../support/mortal-server.ts';
import {
  awaitReply,
  beginConversation,
  drawQuestion,
  noteReply,
  sendQuestion,
  studio,
  writeKey,
} from './studio-conversations.ts';
import { insist, openRequest, think, type Person, type World } from './world.ts';

/** A person who sends messages, some with images, and waits for the replies or looks for them later; sometimes sends twice, stops, renames. */
export async function runStudioClient(world: World, person: Person): Promise<void> {
  const { chance } = world;
  let conversation = await beginConversation(world, person);
  const sendAndSee = async (asking: Asking) => {
    const waits = chance.percent(50);
    await sendQuestion(world, person, asking, waits);
    if (!waits) await awaitReply(world, person, asking);
  };
  while (world.isRunning()) {
    if (chance.percent(12)) conversation = await beginConversation(world, person);
    const asking = drawQuestion(world, person, 'studio', conversation);
    const waiting = [sendAndSee(asking)];
    if (chance.percent(20)) waiting.push(sendAndSee(asking));
    if (chance.percent(30)) waiting.push(sendAndSee(drawQuestion(world, person, 'studio', conversation)));
    if (chance.percent(6)) waiting.push(stop(world, person, conversation));
    await Promise.all(waiting);
    if (chance.percent(15)) await rename(world, person, conversation);
    await think(world);
  }
}

/** A person who listens to replies as they are made, and after each crash goes on where the text broke off. */
export async function runStudioStreams(world: World, person: Person): Promise<void> {
  const { chance } = world;
  let conversation = await beginConversation(world, person);
  while (world.isRunning()) {
    if (chance.percent(8)) conversation = await beginConversation(world, person);
    await hear(world, person, drawQuestion(world, person, 'studio stream', conversation));
    await think(world);
  }
}

async function stop(world: World, person: Person, conversation: number): Promise<void> {
  for (const asking of world.records.askings) {
    if (asking.sessionId === conversation && asking.outcome === undefined) asking.stopped = true;
  }
  await think(world);
  const headers = writeKey(world);
  await studio(world, person, 'POST', `/conversations/${conversation}/stop`, { headers });
}

async function rename(world: World, person: Person, conversation: number): Promise<void> {
  const session = sessionRecord(world.records, person.name, conversation);
  const { title } = session;
  const name = `Title ${world.chance.whole(0, 1e9)}`;
  title.asked = name;
  const headers = writeKey(world);
  await studio(world, person, 'PUT', `/conversations/${conversation}`, { body: { title: name }, headers });
  title.acknowledged = name;
  title.asked = undefined;
  session.renames++;
}

async function hear(world: World, person: Person, asking: Asking): Promise<void> {
  let lastEventId: string | undefined;
  await insist(world, `the stream of ${asking.id}`, async (life) => {
    const response = await openStream(world, life, person, asking, lastEventId);
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    let position = Number(lastEventId?.split(':')[1] ?? 0);
    for await (const { id, data } of sseEvents(response)) {
      const event = JSON.parse(data) as ReplyEvent['data'];
      if (event.type === 'delta') {
        noteOffset(world.records, asking, position, event.offset ?? 0);
        position += event.content?.length ?? 0;
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
function openStream(
  { chance }: World,
  life: Life,
  person: Person,
  { id, sessionId, text }: Asking,
  lastEventId: string | undefined,
): Promise<Response> {
  const path = `/api/conversations/${sessionId}/messages/stream`;
  if (lastEventId !== undefined) {
    const headers = { 'last-event-id': lastEventId };
    return openRequest(life, chance.pick(['GET', 'POST']), path, person.token, { headers });
  }
  const body = { content: partsOf(text) };
  return openRequest(life, 'POST', path, person.token, { body, headers: { 'idempotency-key': id } });
}

/** Whether it is the last. */
function noteEvent(world: World, asking: Asking, event: ReplyEvent['data']): boolean {
  const { records, moments } = world;
  switch (event.type) {
    case 'start': {
      const { conversation_id: conversation, message_id: question, reply_id: answer } = event;
      noteAsked(records, moments, asking, conversation, answer ?? undefined, question);
      return false;
    }
    case 'delta':
      noteSeen(records, moments, asking, event.offset ?? 0, event.content ?? '');
      return false;
    case 'done':
      if (event.reply === undefined || event.reply === null) records.faults.push(`${asking.id} has no reply`);
      else noteReply(world, asking, event.reply);
      return true;
    case 'error':
      if (event.message === '') records.faults.push(`${asking.id} failed for no reason`);
      noteOutcome(records, moments, asking, { failure: event.code ?? 0 });
      return true;
    default:
      return event.type satisfies never;
  }
}
