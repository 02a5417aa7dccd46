import type { MessageBody, MessagesBody } from '../support/helpdesk.ts';
import { readBook } from './books.ts';
import { checkEvidence, type Evidence } from './check.ts';
import { insistOn, isOwner, type Lane, type Scene } from './scene.ts';
import { lastOwner } from './steps.ts';

/** Everything that is wrong when all is over; `end` ends the servers, and resolves to their database. */
export async function findingsOf(
  scene: Scene,
  lanes: readonly Lane[],
  end: () => Promise<string>,
): Promise<string[]> {
  const { agents, records } = scene;
  for (const lane of lanes) {
    const isOver = isOwner(lane, lastOwner);
    for (const { hears } of [lane.guest, ...agents.map(({ client }) => client)]) {
      await hears(isOver, `the end of ${lane.name}`);
    }
  }
  const histories = await Promise.all(lanes.map((lane) => readHistories(scene, lane)));
  await Promise.all([
    ...lanes.map(({ guest }) => guest.close()),
    ...agents.map(({ client }) => client.close()),
  ]);
  const database = await end();
  const evidence: Evidence[] = [];
  for (const [at, lane] of lanes.entries()) {
    evidence.push({
      ...lane,
      agents: agents.map(({ client }) => client),
      histories: histories[at] as Evidence['histories'],
      book: await readBook(database, lane.sessionId),
    });
  }
  return [...records.faults, ...evidence.flatMap(checkEvidence)];
}

async function readHistories(scene: Scene, lane: Lane): Promise<Evidence['histories']> {
  const { sessionId } = lane;
  const read = async (path: string, token = ''): Promise<MessageBody[]> =>
    (await insistOn<MessagesBody>(scene, lane, 'GET', `${path}/messages?limit=100`, { token })).messages;
  return {
    guest: await read(`/chat/sessions/${sessionId}`),
    staff: await read(`/admin/conversations/${sessionId}`, scene.agents[0]?.token),
  };
}
