import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { Moments } from './moments.ts';
import { piecesOf, plainTextOf, answerTo, questionIn, usageOf, type WirePart } from './questions.ts';

/** A call that the vendor got. */
export interface VendorCall {
  /** As plain text. */
  question: string;
  /** The images that came with it. */
  images: string[];
  at: number;
  /** How much of the answer has left. */
  told: string;
  /** Whether all of it has. */
  finished: boolean;
}

/** A vendor that speaks OpenAI's protocol, knows every answer, and keeps books of its own. */
export interface SteadyVendor {
  url: string;
  calls: VendorCall[];
  close(): Promise<void>;
}

interface ChatBody {
  stream?: boolean;
  messages: { role: string; content: string | WirePart[] }[];
}

export async function startSteadyVendor(moments: Moments): Promise<SteadyVendor> {
  const calls: VendorCall[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as ChatBody;
      const content = body.messages.findLast(({ role }) => role === 'user')?.content ?? '';
      const question = plainTextOf(content);
      const images =
        typeof content === 'string' ? [] : content.flatMap(({ image_url: image }) => image?.url ?? []);
      const call = { question, images, told: '', finished: false, at: Date.now() };
      calls.push(call);
      moments.tell('called', question);
      void answer(moments, call, response, body.stream === true);
    });
    response.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  moments: Moments,
  call: VendorCall,
  response: ServerResponse,
  streamed: boolean,
): Promise<void> {
  const { question } = call;
  if (questionIn(question)?.pace === 'never') {
    const error = { message: 'This vendor does not answer that.' };
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
    return;
  }
  for (const { pauseMs, text } of piecesOf(question)) {
    await setTimeout(pauseMs);
    if (response.destroyed) return;
    if (!streamed) continue;
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunk({ content: text }));
    call.told += text;
    moments.tell('told', question);
  }
  const whole = streamed ? lastChunks(question) : wholeAnswer(question);
  if (!streamed) response.writeHead(200, { 'content-type': 'application/json' });
  response.end(whole, () => {
    if (!response.writableFinished) return;
    call.told = answerTo(question);
    call.finished = true;
    moments.tell('answered', question);
  });
}

function wholeAnswer(question: string): string {
  const message = { role: 'assistant', content: answerTo(question) };
  return JSON.stringify({
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage: usageOf(question),
  });
}

function lastChunks(question: string): string {
  const usage = JSON.stringify({ choices: [], usage: usageOf(question) });
  return `${chunk({}, 'stop')}data: ${usage}\n\ndata: [DONE]\n\n`;
}

function chunk(delta: object, reason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: reason }];
  return `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices })}\n\n`;
}
