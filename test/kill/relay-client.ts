import { setTimeout } from 'node:timers/promises';
import { visionModel, type Envelope, type WirePart } from '../support/studio.ts';
import { answerTo, partsOf, pictures } from './questions.ts';
import type { StatelessCall } from './records.ts';
import { beginCall, leave, readStream } from './stateless-clients.ts';
import { beginConversation } from './studio-conversations.ts';
import { drawPace, insist, openRequest, request, think, type Person, type World } from './world.ts';
import type { Life } from '../support/mortal-server.ts';

interface CompletionBody {
  choices: { message: { content: WirePart[] } }[];
}

interface CallsBody {
  api_calls: { request_id: string }[];
}

/** Calls models through studio's proxy, some for a conversation; who leaves early looks for the call in the history of calls. */
export async function runRelayClient(world: World, person: Person): Promise<void> {
  const { chance } = world;
  const conversation = await beginConversation(world, person);
  while (world.isRunning()) {
    const pace = drawPace(world);
    const picture = chance.percent(70) ? 'none' : chance.pick(pictures);
    const streamed = chance.percent(60);
    const goesAway = streamed && chance.percent(25);
    const isFor = chance.percent(40) ? conversation : null;
    await insist(world, 'a relayed call', async (life) => {
      const call = beginCall(world, 'studio relay', pace, picture);
      call.conversationId = isFor;
      const stop = new AbortController();
      const response = await ask(life, person, call, streamed, stop.signal);
      if (pace === 'never') return expectRefusal(world, call, response);
      if (goesAway) {
        call.left = true;
        await leave(response, stop);
        await findCall(life, person, call);
      } else {
        const text = streamed ? await readStream('openai', response) : await readWhole(response);
        if (text !== answerTo(call.text)) throw new Error(`${call.id} was answered ${JSON.stringify(text)}`);
      }
      call.acknowledged = true;
      world.moments.tell('acknowledged', call.text);
    });
    await think(world);
  }
}

function ask(
  life: Life,
  person: Person,
  { id, text, conversationId }: StatelessCall,
  streamed: boolean,
  signal: AbortSignal,
): Promise<Response> {
  const body = {
    model: visionModel,
    messages: [{ role: 'user', content: partsOf(text) }],
    stream: streamed,
    ...(conversationId !== null && { conversation_id: conversationId }),
  };
  const headers = { 'x-request-id': id };
  return openRequest(life, 'POST', '/api/bailian/chat/completions', person.token, { body, headers, signal });
}

/** What the vendor refuses of a relayed request is the client's fault. */
async function expectRefusal(world: World, call: StatelessCall, response: Response): Promise<void> {
  const text = await response.text();
  if (response.status !== 400 || !text.includes('This vendor does not answer that.')) {
    world.records.faults.push(`${call.id} was refused with ${response.status} ${text}`);
  }
  call.acknowledged = true;
}

async function readWhole(response: Response): Promise<string> {
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  const { data } = JSON.parse(text) as Envelope<CompletionBody>;
  return data.choices[0]?.message.content.map((part) => part.text).join('') ?? '';
}

const mostLooks = 400;

/** Resolves when the call is in the history of calls: its vendor was asked, whether or not anybody heard the answer. */
async function findCall(life: Life, person: Person, { id }: StatelessCall): Promise<void> {
  for (let looks = 0; looks < mostLooks; looks++) {
    const path = '/api/history/api-calls?limit=100';
    const { status, body } = await request<Envelope<CallsBody>>(life, 'GET', path, person.token);
    if (status !== 200) throw new Error(`the history is answered ${status} ${JSON.stringify(body)}`);
    if (body.data.api_calls.some(({ request_id: of }) => of === id)) return;
    await setTimeout(25);
  }
  throw new Error(`${id} does not come into the history of calls`);
}
