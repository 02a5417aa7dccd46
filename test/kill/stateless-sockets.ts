import { WebSocket } from 'ws';
import { answerTo } from './questions.ts';
import type { StatelessCall } from './records.ts';
import type { Life } from '../support/mortal-server.ts';
import { beginCall } from './stateless-clients.ts';
import { drawPace, insist, think, type World } from './world.ts';

interface Frame {
  type: string;
  data: { chunk?: string; response?: string; error?: string; code?: string };
}

/** A client of the gateway's socket; some answers it does not want to the end. */
export async function runGatewaySocketClient(world: World): Promise<void> {
  while (world.isRunning()) {
    const pace = drawPace(world);
    const cancels = world.chance.percent(15);
    await insist(world, 'a call over the gateway’s socket', async (life) => {
      const call = beginCall(world, 'gateway socket', pace);
      const { type, data } = await converse(life, call, cancels);
      if (type === 'cancelled') return;
      const text = type === 'complete' ? data.response : data.code === 'PROVIDER_ERROR' ? '' : undefined;
      if (text !== answerTo(call.text)) throw new Error(`${call.id} was answered ${JSON.stringify(data)}`);
      call.acknowledged = true;
      world.moments.tell('acknowledged', call.text);
    });
    await think(world);
  }
}

/** The last frame that answers the call. */
async function converse(life: Life, { id, text }: StatelessCall, cancels: boolean): Promise<Frame> {
  // The books name the connection, so each call has one of its own.
  const socket = new WebSocket(`${life.wsUrl}/ws/chat`, { headers: { 'x-request-id': id } });
  const { promise, resolve, reject } = Promise.withResolvers<Frame>();
  const send = (frame: object) => socket.send(JSON.stringify(frame));
  socket.on('error', reject);
  socket.on('close', (code) => reject(new Error(`the socket was closed with ${code}`)));
  socket.on('open', () => send({ type: 'chat', id, data: { message: text, stream: true } }));
  let said = '';
  let cancelled = false;
  socket.on('message', (received: Buffer) => {
    const frame = JSON.parse(received.toString('utf8')) as Frame;
    if (frame.type !== 'stream') return resolve(checked(frame, said));
    said += frame.data.chunk ?? '';
    if (cancels && !cancelled) send({ type: 'cancel', id });
    cancelled = cancels;
  });
  try {
    return await promise;
  } finally {
    socket.terminate();
  }
}

/** What was streamed is what came in the end. */
function checked(frame: Frame, said: string): Frame {
  const { response = said } = frame.data;
  return response.startsWith(said) ? frame : { type: 'error', data: { error: `${response} after ${said}` } };
}
