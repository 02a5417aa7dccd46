import { setTimeout } from 'node:timers/promises';
import {
  visionModel,
  type Envelope,
  type MessageBody,
  type MessagesBody,
  type SentBody,
} from '../support/studio.ts';
import { partsOf, pictures } from './questions.ts';
import { beginAsking, noteAsked, noteOutcome, sessionRecord, type Asking } from './records.ts';
import type { Life } from '../support/mortal-server.ts';
import { drawPace, insist, request, type Person, type World } from './world.ts';

/** What a write is called by, so that a repeat does nothing. */
export function writeKey({ chance }: World): Record<string, string> {
  return { 'idempotency-key': `w${chance.whole(0, Number.MAX_SAFE_INTEGER)}` };
}

/** A request to studio, until it is answered with 200; anything else is a fault. */
export async function studio<T>(
  world: World,
  person: Person,
  method: string,
  path: string,
  more: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<T> {
  const { body } = await insist(world, `${method} ${path}`, async (life) => {
    const told = await request<Envelope<T>>(life, method, `/api${path}`, person.token, more);
    if (told.status !== 200 || told.body.code !== 200) {
      throw new Error(`was answered ${told.status} ${JSON.stringify(told.body)}`);
    }
    return told;
  });
  return body.data;
}

/** Begins a conversation; half of them get a title. */
export async function beginConversation(world: World, person: Person): Promise<number> {
  const { chance, records } = world;
  const title = chance.percent(50) ? `Begun as ${chance.whole(0, 1e9)}` : undefined;
  const body = { model_name: visionModel, title };
  const begun = await studio<{ conversation_id: number }>(world, person, 'POST', '/conversations', {
    body,
    headers: writeKey(world),
  });
  const record = sessionRecord(records, person.name, begun.conversation_id);
  record.title.acknowledged = title;
  return begun.conversation_id;
}

/** A question in a conversation of studio, some with an image; nobody has sent it yet. */
export function drawQuestion(
  world: World,
  person: Person,
  door: string,
  conversation: number,
  pace = drawPace(world),
): Asking {
  const { chance, records } = world;
  const picture = chance.percent(50) ? 'none' : chance.pick(pictures);
  return beginAsking(records, door, person.name, pace, conversation, picture);
}

/** Sends a question until it is acknowledged, and its reply is there where that is waited for. */
export async function sendQuestion(
  world: World,
  person: Person,
  asking: Asking,
  waits: boolean,
): Promise<void> {
  const { records, moments } = world;
  const path = `/conversations/${asking.sessionId}/messages${waits ? '?wait=true' : ''}`;
  const content = partsOf(asking.text);
  const headers = { 'idempotency-key': asking.id };
  const sent = await studio<SentBody>(world, person, 'POST', path, { body: { content }, headers });
  const { message_id: questionId, reply } = sent;
  if (JSON.stringify(sent.content) !== JSON.stringify(content)) {
    records.faults.push(`${asking.id} is acknowledged as ${JSON.stringify(sent.content)}`);
  }
  noteAsked(records, moments, asking, sent.conversation_id, reply?.message_id, questionId);
  if (!waits) return;
  if (reply === undefined || reply === null)
    records.faults.push(`${asking.id} was waited for, and has no reply`);
  else noteReply(world, asking, reply);
}

/** Looks into the history until the reply is there: in every life it is either there or on its way. */
export async function awaitReply(world: World, person: Person, asking: Asking): Promise<void> {
  await insist(world, `the reply to ${asking.id}`, async (life) => {
    for (;;) {
      const { reply } = await lookForReply(life, person, asking);
      if (reply !== undefined) return noteReply(world, asking, reply);
      await setTimeout(25);
    }
  });
}

/** The reply to a question, or which are on their way. Throws where there is neither. */
export async function lookForReply(life: Life, person: Person, { sessionId, questionId }: Asking) {
  const { messages, pending } = await newestMessages(life, person, sessionId);
  const at = messages.findIndex(({ message_id: id }) => id === questionId);
  if (at < 0) throw new Error('its question is not in the history');
  const next = messages[at + 1];
  const reply = next?.role === 'assistant' ? next : undefined;
  if (reply === undefined && pending.length === 0) throw new Error('none is there, and none is on its way');
  return { reply, pending };
}

/** The last hundred messages at least, oldest first, and what is on its way. */
async function newestMessages(life: Life, person: Person, sessionId: number | undefined) {
  const read = async (page: number) => {
    const path = `/api/conversations/${sessionId}/messages?limit=100&page=${page}`;
    const { status, body } = await request<Envelope<MessagesBody>>(life, 'GET', path, person.token);
    if (status !== 200) throw new Error(`the history is answered ${status} ${JSON.stringify(body)}`);
    return body.data;
  };
  for (let last = 1; ;) {
    const { messages: earlier } = last > 1 ? await read(last - 1) : { messages: [] };
    const { messages, pending, pagination } = await read(last);
    if (pagination.total_pages <= last) return { messages: [...earlier, ...messages], pending };
    last = pagination.total_pages;
  }
}

/** Notes the reply as it is shown; it must say why where it is none. */
export function noteReply({ records, moments }: World, asking: Asking, reply: MessageBody): void {
  const { message_id: id, content, state } = reply;
  const fault = faultOfReply(reply);
  if (fault !== undefined) records.faults.push(`${asking.id}: ${fault}: ${JSON.stringify(reply)}`);
  noteAsked(records, moments, asking, reply.conversation_id, id);
  noteOutcome(records, moments, asking, { content: content[0]?.text ?? '', status: state });
}

/** What is wrong with a reply by itself. */
export function faultOfReply({ role, user_id: user, content, content_type: type, ...reply }: MessageBody) {
  const { status, state, error } = reply;
  const text = content[0]?.text ?? '';
  const isCutShort = state === 'cancelled' && text !== '';
  const isReply = role === 'assistant' && user === 0 && type === 'text' && content.length === 1;
  if (!isReply) return 'is no reply';
  if (status !== (state === 'completed' || isCutShort ? 1 : 0)) return 'has the wrong status';
  const isReasoned = error !== undefined && error.message !== '' && error.code >= 400;
  return isReasoned === (status === 0) ? undefined : 'has no reason, or one too many';
}
