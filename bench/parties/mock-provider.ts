/**
 * The provider behind every proxying party: bare `node:http`, OpenAI's wire format, prebuilt bytes, no parsing of
 * the request beyond one search for `"stream":true`.
 *
 * `BENCH_FRAME_DELAY_MS` (default 0): the pause between two groups of frames. `BENCH_FRAMES_PER_WRITE` (default
 * 10): how many frames are written in one tick. Each frame is an HTTP chunk of its own in either case. `BENCH_STAMPS=1`: tokens are the
 * times at which they leave.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { benchModel, isTokenFrame, stampedFrame, streamFrames, wholeAnswerBody } from '../wire.ts';
import { listenAndAnnounce } from './announce.ts';

const delayMs = Number(process.env.BENCH_FRAME_DELAY_MS ?? '0');
const groupSize = Number(process.env.BENCH_FRAMES_PER_WRITE ?? '10');
const stamped = process.env.BENCH_STAMPS === '1';

const models = Buffer.from(
  JSON.stringify({
    object: 'list',
    data: [{ id: benchModel, object: 'model', created: 0, owned_by: 'bench' }],
  }),
);
const embedding = Buffer.from(
  JSON.stringify({
    object: 'list',
    model: 'text-embedding-3-small',
    data: [
      { object: 'embedding', index: 0, embedding: Array.from({ length: 256 }, (_, i) => Math.sin(i) / 16) },
    ],
    usage: { prompt_tokens: 24, total_tokens: 24 },
  }),
);

function sendJson(response: ServerResponse, body: Buffer, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

function sendFrames(response: ServerResponse, from: number): void {
  if (response.destroyed) return;
  // The role comes with the first token, as it does from vendors: it is the token that clients wait for.
  const size = from === 0 ? groupSize + 1 : groupSize;
  const until = Math.min(from + size, streamFrames.length);
  for (let index = from; index < until; index++) {
    response.write(stamped && isTokenFrame(index) ? stampedFrame() : streamFrames[index]);
  }
  if (until === streamFrames.length) response.end();
  else if (delayMs > 0) setTimeout(sendFrames, delayMs, response, until);
  else setImmediate(sendFrames, response, until);
}

function answer(response: ServerResponse, body: Buffer): void {
  if (!body.includes('"stream":true')) return sendJson(response, wholeAnswerBody);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  sendFrames(response, 0);
}

function onRequest(request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const path = request.url ?? '';
    if (path.endsWith('/chat/completions'))
      answer(response, parts.length === 1 ? parts[0]! : Buffer.concat(parts));
    else if (path.endsWith('/embeddings')) sendJson(response, embedding);
    else if (path.endsWith('/models')) sendJson(response, models);
    else sendJson(response, Buffer.from('{"error":{"message":"no such path"}}'), 404);
  });
}

const server = createServer({ keepAliveTimeout: 600_000 }, onRequest);
listenAndAnnounce(server);
