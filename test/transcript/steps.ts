import assert from 'node:assert/strict';
import type { HelpdeskError, MessagesBody } from '../support/helpdesk.ts';
import type { HelpdeskFrame } from '../support/helpdesk-socket.ts';
import { ask, insistOn, isOwner, isSaying, type Agent, type Lane, type Scene } from './scene.ts';
import { secondHalf } from './vendor.ts';

/** Something that happens in a conversation. It is over once whoever does it knows so; the others may not. */
export type Step = (scene: Scene, lane: Lane) => Promise<void>;

/** What happens, from the guest's first question to the end. */
export const script: Record<string, Step> = {
  'the guest asks': (scene, lane) => asksSlowly(scene, lane, 'first'),
  'the AI answers': async (scene, lane) => {
    scene.vendor.goOn(lane.name);
    const status = await answerTo(lane, 'first');
    if (status === 'interrupted') await comesBackFromQueue(scene, lane);
  },
  'the guest says three things at once': async (_scene, lane) => {
    const texts = ['One', 'Two', 'Three'].map((text) => `${text} of ${lane.name}?`);
    await Promise.all(texts.map((text) => says(lane, text)));
    await answerTo(lane, 'Three of');
    const answers = lane.guest.heard.filter((frame) => isAnswer(lane, ' of ')(frame));
    assert.deepEqual(
      answers.map(({ data }) => data.status),
      ['completed'],
    );
  },
  'the guest asks for a person': async (_scene, lane) => {
    await says(lane, `I am ${lane.name}. Please let me talk to a human.`);
    await inCharge(lane, 'human pending -');
  },
  'both agents take it': async (scene, lane) => {
    const { agents } = scene;
    const taken = await Promise.all(agents.map((agent) => takes(scene, lane, agent)));
    lane.owner = agents.find((_, at) => taken[at]?.status === 200);
    const refused = taken.find(({ status }) => status !== 200);
    assert.equal(refused?.status, 409);
    const { error } = refused.body as HelpdeskError;
    assert.equal(error.code, 'CONFLICT');
    assert.deepEqual(error.details?.['assignee'], { id: lane.owner?.id, name: lane.owner?.name });
    await inCharge(lane, `human active ${lane.owner?.name}`);
  },
  'the agent types, and replies': async (_scene, lane) => {
    const { client, name } = ownerOf(lane);
    const session_id = lane.sessionId;
    const typing = lane.guest.hears(
      ({ type, data }) => type === 'typing' && data.agent?.name === name,
      'who types',
    );
    await client.signals({ type: 'typing', data: { session_id } }, typing);
    await repliesOnSocket(lane, ownerOf(lane), 'How can I help?');
  },
  'the guest answers over HTTP': async (scene, lane) => {
    const text = `My order, says ${lane.name}.`;
    const body = { session_id: lane.sessionId, content: text };
    const { reply } = await insistOn<{ reply: unknown }>(scene, lane, 'POST', '/chat/messages', { body });
    assert.equal(reply, null);
    lane.said.push({ by: 'user', text });
  },
  'the guest reads': async (_scene, lane) => {
    const { client } = ownerOf(lane);
    const { data } = await lane.guest.hears(isSaying(lane, textOf(lane, 'How can I help?')), 'the reply');
    const isRead = (frame: HelpdeskFrame) =>
      frame.type === 'receipt' &&
      frame.data.receipt === 'read' &&
      frame.data.by === 'customer' &&
      frame.data.message_ids?.includes(String(data.id)) === true;
    const read = client.hears(isRead, 'that it was read');
    await lane.guest.signals({ type: 'read', data: { session_id: lane.sessionId } }, read);
  },
  'the agent writes a note': async (scene, lane) => {
    const content = `A note on ${lane.name}`;
    const { token } = ownerOf(lane);
    await insistOn(scene, lane, 'POST', `${adminPath(lane)}/notes`, { token, body: { content } });
    lane.notes.push(content);
  },
  'the other agent sets tags': async (scene, lane) => {
    const { token } = otherOf(scene, lane);
    await insistOn(scene, lane, 'PUT', `${adminPath(lane)}/tags`, {
      token,
      body: { tags: ['vip', lane.name] },
    });
  },
  'the agent sets the priority': async (scene, lane) => {
    const { token } = ownerOf(lane);
    await insistOn(scene, lane, 'PATCH', adminPath(lane), { token, body: { priority: 'urgent' } });
  },
  'the agent hands it over to the other': async (scene, lane) => {
    const { token } = ownerOf(lane);
    lane.owner = otherOf(scene, lane);
    const body = { assignee_id: lane.owner.id };
    await insistOn(scene, lane, 'POST', `${adminPath(lane)}/assign`, { token, body });
    lane.owners.push(`human active ${lane.owner.name}`);
  },
  'the first agent is refused': async (scene, lane) => {
    const former = otherOf(scene, lane);
    const text = `${former.name} is still there, ${lane.name}.`;
    lane.unsaid.push(text);
    const data = { session_id: lane.sessionId, content: text };
    const { status } = await ask(scene, lane, 'POST', '/chat/messages', { token: former.token, body: data });
    assert.equal(status, 409);
    const id = frameName(`refused ${lane.name}`);
    const refusal = await former.client.says({ type: 'message', id, data }, (frame) => frame.id === id);
    assert.equal(refusal.data.code, 'CONFLICT');
  },
  'the other agent replies over HTTP': (scene, lane) => repliesOverHttp(scene, lane, 'I have it now.'),
  'the agent resolves it': async (scene, lane) => {
    const { token, name } = ownerOf(lane);
    await insistOn(scene, lane, 'PATCH', adminPath(lane), { token, body: { status: 'resolved' } });
    lane.owners.push(`human resolved ${name}`);
  },
  'the guest rates': async (scene, lane) => {
    const body = { score: 4, comment: lane.name };
    await insistOn(scene, lane, 'POST', `/chat/sessions/${lane.sessionId}/rating`, { body });
  },
  'the guest comes again, and the AI answers': async (_scene, lane) => {
    lane.owners.push('ai active -');
    lane.owner = undefined;
    await says(lane, `Another thing of ${lane.name}?`);
    await answerTo(lane, 'Another thing');
  },
  'the provider is down': async (_scene, lane) => {
    await says(lane, `Is it broken, ${lane.name}?`);
    await inCharge(lane, 'human pending -');
  },
  'an agent takes it by a reply': async (scene, lane) => {
    lane.owner = scene.agents[0];
    lane.owners.push(`human active ${ownerOf(lane).name}`);
    await repliesOnSocket(lane, ownerOf(lane), 'It was broken.');
  },
  'the guest goes back to the AI': goesBack,
  'the guest asks once more': (scene, lane) => asksSlowly(scene, lane, 'second'),
  'an agent takes over in the middle of the answer': async (scene, lane) => {
    // Where a restart has ended the answer meanwhile, there must be another.
    const { messages } = await insistOn<MessagesBody>(
      scene,
      lane,
      'GET',
      `/chat/sessions/${lane.sessionId}/messages`,
    );
    if (messages.at(-1)?.status !== 'running') {
      await comesBackFromQueue(scene, lane);
      await asksSlowly(scene, lane, 'third');
    }
    lane.owner = scene.agents[1];
    const { status } = await takes(scene, lane, ownerOf(lane));
    assert.equal(status, 200);
    lane.owners.push(`human active ${ownerOf(lane).name}`);
    for (const which of ['second', 'third']) lane.unsaid.push(secondHalf(slowly(lane, which)));
  },
  'the vendor goes on, and the agent replies': async (scene, lane) => {
    scene.vendor.goOn(lane.name);
    await repliesOverHttp(scene, lane, 'A person says so.');
  },
  'the guest goes back to the AI again': goesBack,
  'the guest asks over HTTP': async (scene, lane) => {
    const text = `Last of all, ${lane.name}?`;
    const body = { session_id: lane.sessionId, content: text };
    interface Sent {
      reply: { content: string; status: string } | null;
    }
    const { reply } = await insistOn<Sent>(scene, lane, 'POST', '/chat/messages', { body });
    lane.said.push({ by: 'user', text });
    assert.equal(reply?.status, 'completed');
    lane.said.push({ by: 'ai', text: reply.content });
  },
  'an agent closes it': async (scene, lane) => {
    const { token } = scene.agents[0] as Agent;
    await insistOn(scene, lane, 'PATCH', adminPath(lane), { token, body: { status: 'closed' } });
    lane.owners.push('ai closed -');
  },
};

/** The last that everybody hears of a lane. */
export const lastOwner = 'ai closed -';

async function says(lane: Lane, text: string): Promise<void> {
  const data = { session_id: lane.sessionId, content: text };
  lane.said.push({ by: 'user', text });
  await lane.guest.says({ type: 'message', id: frameName(text), data }, isSaying(lane, text));
}

/** Names are of visible ASCII. */
const frameName = (text: string) => text.replaceAll(/\W+/gu, '-');

const slowly = ({ name }: Lane, which: string) => `Tell me slowly the ${which} thing, I am ${name}.`;

/** Asks what the vendor answers by half. Over when some of that was shown. */
async function asksSlowly(_scene: Scene, lane: Lane, which: string): Promise<void> {
  const question = slowly(lane, which);
  await says(lane, question);
  const isBegun = ({ type, data }: HelpdeskFrame) =>
    type === 'ai_stream' && data.full_content?.startsWith(`To “${question}”: t`) === true;
  await lane.guest.hears(isBegun, `how the answer to ${question} begins`);
}

/** Whether a frame is the AI's answer to a question with this in it, which has ended. */
function isAnswer({ sessionId }: Lane, part: string): (frame: HelpdeskFrame) => boolean {
  return ({ type, data }) =>
    type === 'message' &&
    data.session_id === sessionId &&
    data.sender_type === 'ai' &&
    data.content?.includes(part) === true;
}

/** Resolves to how it ended. */
async function answerTo(lane: Lane, part: string): Promise<string | undefined> {
  const { data } = await lane.guest.hears(isAnswer(lane, part), `an answer to ${part}`);
  lane.said.push({ by: 'ai', text: data.content ?? '' });
  return data.status;
}

/** Whose answer was cut off by a restart waits for a person, and may go back to the AI. */
async function comesBackFromQueue(scene: Scene, lane: Lane): Promise<void> {
  await inCharge(lane, 'human pending -');
  await goesBack(scene, lane);
}

/** The guest hears once more who is in charge. */
async function inCharge(lane: Lane, owner: string): Promise<void> {
  let left = 1 + lane.owners.filter((each) => each === owner).length;
  const isIt = isOwner(lane, owner);
  await lane.guest.hears((frame) => isIt(frame) && --left === 0, `that ${owner} is in charge`);
  lane.owners.push(owner);
}

function takes(scene: Scene, lane: Lane, { token }: Agent) {
  return ask(scene, lane, 'POST', `${adminPath(lane)}/assign`, { token });
}

async function goesBack(scene: Scene, lane: Lane): Promise<void> {
  const path = `/chat/sessions/${lane.sessionId}/switch-agent`;
  await insistOn(scene, lane, 'POST', path, { body: { agent_type: 'ai' } });
  lane.owner = undefined;
  lane.owners.push('ai active -');
}

const textOf = ({ name }: Lane, text: string) => `${text} (${name})`;

async function repliesOnSocket(lane: Lane, { client, name }: Agent, words: string): Promise<void> {
  const text = textOf(lane, words);
  const data = { session_id: lane.sessionId, content: text };
  await client.says({ type: 'message', id: frameName(text), data }, isSaying(lane, text));
  lane.said.push({ by: name, text });
}

async function repliesOverHttp(scene: Scene, lane: Lane, words: string): Promise<void> {
  const { token, name } = ownerOf(lane);
  const text = textOf(lane, words);
  const body = { session_id: lane.sessionId, content: text };
  await insistOn(scene, lane, 'POST', '/chat/messages', { token, body });
  lane.said.push({ by: name, text });
}

const adminPath = ({ sessionId }: Lane) => `/admin/conversations/${sessionId}`;

function ownerOf({ owner }: Lane): Agent {
  assert.ok(owner !== undefined, 'nobody has the conversation');
  return owner;
}

function otherOf({ agents }: Scene, { owner }: Lane): Agent {
  const other = agents.find((agent) => agent !== owner);
  assert.ok(other !== undefined);
  return other;
}
