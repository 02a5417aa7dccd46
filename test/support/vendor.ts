import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LLMock } from '@copilotkit/aimock';
import { within } from './eventually.ts';
import { createQueue } from './queue.ts';

/** What the mocked vendor answers unless a test says otherwise. */
export const vendorText = "I'm doing well, thank you! How can I help you today?";
export const vendorUsage = { prompt_tokens: 10, completion_tokens: 15, total_tokens: 25 };

/** A call that does not come within this will not come. */
const waitMs = 10_000;

/** A mock of OpenAI's and Anthropic's wire protocols, which answers everything with `vendorText`. */
export async function startMock(): Promise<LLMock> {
  const mock = new LLMock({ port: 0, logLevel: 'silent', chunkSize: 4 });
  await mock.start();
  return answerAsUsual(mock);
}

/** Takes back what a test told the mock. */
export function answerAsUsual(mock: LLMock): LLMock {
  mock.clearChaos();
  mock.clearFixtures();
  mock.clearRequests();
  return mock.onMessage(/./, { content: vendorText, usage: vendorUsage });
}

/** A vendor that speaks OpenAI's protocol and does only what the test tells it, call by call. */
export interface ScriptedVendor {
  url: string;
  /** The next call that has come in, or comes in. */
  next(): Promise<VendorCall>;
  /** Calls so far. */
  count(): number;
  close(): Promise<void>;
}

export interface VendorCall {
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
  /** Resolves when the socket of this call, or the response, is closed. */
  closed: Promise<unknown>;
  /** A whole answer. */
  answer(text: string): void;
  /** The same, said by the test to the last field. */
  answerWith(body: object): void;
  /** An error answer. */
  refuse(status: number, message: string, headers?: Record<string, string>): void;
  /** A piece of a streamed answer; resolves when it has left. */
  delta(text: string): Promise<void>;
  /** Bytes of a streamed answer, as they are; resolves when they have left. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** The end of a streamed answer. */
  finish(): void;
  /** Cuts the connection. */
  destroy(): void;
}

export async function startScriptedVendor(): Promise<ScriptedVendor> {
  const calls = createQueue<VendorCall>();
  let count = 0;
  const server = createServer((request, response) => {
    count++;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>;
      calls.push({ path: request.url ?? '', headers: request.headers, body, ...scripted(response) });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: () => within(waitMs, calls.next()),
    count: () => count,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function scripted(response: ServerResponse): Omit<VendorCall, 'path' | 'headers' | 'body'> {
  const write = (bytes: string | Uint8Array): Promise<void> => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
    return new Promise((resolve) => response.write(bytes, () => resolve()));
  };
  const json = (status: number, body: object, headers: Record<string, string> = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  return {
    closed: once(response, 'close'),
    answer(text) {
      const choices = [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }];
      json(200, { choices, usage: vendorUsage });
    },
    answerWith: (body) => void json(200, body),
    refuse: (status, message, headers) => void json(status, { error: { message } }, headers),
    delta: (text) => write(chunk({ content: text })),
    write,
    finish() {
      const usage = JSON.stringify({ choices: [], usage: vendorUsage });
      response.end(`${chunk({}, 'stop')}data: ${usage}\n\ndata: [DONE]\n\n`);
    },
    destroy: () => void response.destroy(),
  };
}

function chunk(delta: object, reason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: reason }];
  return `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices })}\n\n`;
}
