import { setTimeout } from 'node:timers/promises';
import type { Envelope, MessagesBody } from '../support/studio.ts';
import { isUnderWay, type Asking } from './records.ts';
import { watchSession } from './socket-clients.ts';
import {
  awaitReply,
  beginConversation,
  drawQuestion,
  lookForReply,
  sendQuestion,
  studio,
  writeKey,
} from './studio-conversations.ts';
import { insist, request, think, type Person, type World } from './world.ts';

type Half = keyof Asking['removed'];

/** A person who deletes questions and answers, half of them while the answer is being made, and has a socket open that is told. */
export async function runStudioRemovals(world: World, person: Person): Promise<void> {
  const { chance, records } = world;
  const conversation = await beginConversation(world, person);
  const line = await watchSession(world, person, conversation);
  while (world.isRunning()) {
    const asking = drawQuestion(world, person, 'studio', conversation);
    const waits = chance.percent(30);
    await sendQuestion(world, person, asking, waits);
    if (!waits) await findAnswer(world, person, asking);
    if (!waits && chance.percent(60)) {
      asking.stopped = true;
      await think(world);
      await remove(world, person, asking, chance.pick(['question', 'answer']));
      await awaitRest(world, person, conversation);
    } else if (!waits) await awaitReply(world, person, asking);
    if (chance.percent(50)) {
      const [half, one] = chance.pick(halvesAtRest(records.askings, conversation));
      if (one !== undefined) await remove(world, person, one, half);
    }
    await think(world);
  }
  await line.leave();
}

/** Halves of exchanges that have ended and are still there; `question` of none where there are none. */
function halvesAtRest(askings: Asking[], conversation: number): [Half, Asking | undefined][] {
  const ended = askings.filter(
    ({ sessionId, outcome }) => sessionId === conversation && outcome !== undefined,
  );
  const halves = ended.flatMap((asking) =>
    (['question', 'answer'] as const)
      .filter((half) => !isUnderWay(asking.removed[half]))
      .map((half): [Half, Asking] => [half, asking]),
  );
  return halves.length === 0 ? [['question', undefined]] : halves;
}

/** Where nobody waits for it, the answer's id is among those that are on their way. */
async function findAnswer(world: World, person: Person, asking: Asking): Promise<void> {
  await insist(world, `the answer to ${asking.id}`, async (life) => {
    const { reply, pending } = await lookForReply(life, person, asking);
    asking.answerId ??= reply?.message_id ?? pending[0];
  });
}

async function remove(world: World, person: Person, asking: Asking, half: Half): Promise<void> {
  const written = asking.removed[half];
  written.asked = true;
  const id = half === 'question' ? asking.questionId : asking.answerId;
  await studio(world, person, 'DELETE', `/messages/${id}`, { headers: writeKey(world) });
  written.acknowledged = true;
}

/** Resolves when no answer is on its way in the conversation. */
async function awaitRest(world: World, person: Person, conversation: number): Promise<void> {
  const path = `/api/conversations/${conversation}/messages?limit=1`;
  await insist(world, `the end of what is on its way in ${conversation}`, async (life) => {
    for (;;) {
      const { body } = await request<Envelope<MessagesBody>>(life, 'GET', path, person.token);
      if (body.data.pending.length === 0) return;
      await setTimeout(25);
    }
  });
}
