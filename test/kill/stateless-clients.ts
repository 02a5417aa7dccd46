import { answerTo, questionText, type Pace, type Picture } from './questions.ts';
import type { StatelessCall } from './records.ts';
import { sseEvents } from './sse.ts';
import { drawPace, insist, openRequest, think, type World } from './world.ts';
import type { Life } from '../support/mortal-server.ts';

/** Clients of the doors that keep nothing: each answer that arrived must be in the books, once. */
export async function runStatelessClient(world: World, door: 'gateway' | 'openai'): Promise<void> {
  while (world.isRunning()) {
    const streamed = world.chance.percent(60);
    const pace = drawPace(world);
    const goesAway = streamed && world.chance.percent(10);
    await insist(world, `${door} call`, async (life) => {
      const call = beginCall(world, door, pace);
      const ask = door === 'gateway' ? askGateway : askOpenAi;
      const stop = new AbortController();
      const response = await ask(life, call, streamed, stop.signal);
      if (pace === 'never') return expectRefusal(world, call, response);
      if (goesAway) return leave(response, stop);
      const text = streamed ? await readStream(door, response) : await readWhole(door, response);
      if (text !== answerTo(call.text)) throw new Error(`${call.id} was answered ${JSON.stringify(text)}`);
      call.acknowledged = true;
      world.moments.tell('acknowledged', call.text);
    });
    await think(world);
  }
}

/** A call that nobody has made yet. */
export function beginCall({ records }: World, door: string, pace: Pace, picture?: Picture): StatelessCall {
  const id = `s${records.calls.length + 1}`;
  const text = questionText(id, pace, picture);
  const call: StatelessCall = { id, door, text, conversationId: null, left: false, acknowledged: false };
  records.calls.push(call);
  return call;
}

function askGateway(life: Life, { id, text }: StatelessCall, streamed: boolean, signal: AbortSignal) {
  const path = streamed ? '/api/v1/chat/stream' : '/api/v1/chat/completion';
  const headers = { 'x-request-id': id };
  return openRequest(life, 'POST', path, '', { body: { message: text }, headers, signal });
}

function askOpenAi(life: Life, { id, text }: StatelessCall, streamed: boolean, signal: AbortSignal) {
  const body = { model: 'gpt-3.5-turbo', messages: [{ role: 'user', content: text }], stream: streamed };
  return openRequest(life, 'POST', '/v1/chat/completions', '', {
    body,
    headers: { 'x-request-id': id },
    signal,
  });
}

/** A stream's failure is an HTTP error too, as long as nothing was said. */
async function expectRefusal(world: World, call: StatelessCall, response: Response): Promise<void> {
  await response.text();
  if (response.status !== 502) world.records.faults.push(`${call.id} was refused with ${response.status}`);
  call.acknowledged = true;
}

export async function leave(response: Response, stop: AbortController): Promise<void> {
  await response.body?.getReader().read();
  stop.abort();
}

interface WholeBody {
  response?: string;
  choices?: { message: { content: string } }[];
}

async function readWhole(door: string, response: Response): Promise<string> {
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  const body = JSON.parse(text) as WholeBody;
  return (door === 'gateway' ? body.response : body.choices?.[0]?.message.content) ?? '';
}

interface StreamBody {
  chunk?: string;
  finished?: boolean;
  error?: unknown;
  choices?: { delta: { content?: string } }[];
}

/** The text of a stream that came to its end. */
export async function readStream(door: string, response: Response): Promise<string> {
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  let text = '';
  for await (const { data } of sseEvents(response)) {
    if (data === '[DONE]') return text;
    const body = JSON.parse(data) as StreamBody;
    if (body.error !== undefined) throw new Error(data);
    if (body.finished === true) return text;
    text += (door === 'gateway' ? body.chunk : body.choices?.[0]?.delta.content) ?? '';
  }
  throw new Error('the stream ended without its end');
}
