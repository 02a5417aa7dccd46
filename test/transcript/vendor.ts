import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/**
 * A vendor that speaks OpenAI's protocol. It answers at once, piece by piece; a question with the word "slowly" in it is half answered
 * until the vendor is told to go on, and one with "broken" not at all.
 */
export interface PatientVendor {
  url: string;
  /** Says the rest of what it was asked slowly, by questions with `name` in them. */
  goOn(name: string): void;
  /** How many of them it has half answered. */
  holding(name: string): number;
  close(): Promise<void>;
}

interface ChatBody {
  messages: { role: string; content: string }[];
}

/** Between two pieces: long enough that one is sent before the next comes. */
const pauseMs = 2;

/** The answer to a question. Its second half says so, so that it can be told where it must not be. */
export function answerTo(question: string): string {
  return `To “${question}”: the harbour opens at seven 🌊 ${secondHalf(question)}.`;
}

/** What an answer that was broken off in its middle does not say. */
export function secondHalf(question: string): string {
  return `and 灯台 closes at nine, which ends the answer to “${question}”`;
}

export async function startPatientVendor(): Promise<PatientVendor> {
  const holding = new Map<() => void, string>();
  const waitFor = (question: string) =>
    new Promise<void>((resolve) => {
      holding.set(resolve, question);
    });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as ChatBody;
      const question = body.messages.findLast(({ role }) => role === 'user')?.content ?? '';
      void answer(question, response, waitFor);
    });
    response.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    holding: (name) => [...holding.values()].filter((question) => question.includes(name)).length,
    goOn(name) {
      for (const [resolve, question] of holding) {
        if (!question.includes(name)) continue;
        holding.delete(resolve);
        resolve();
      }
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  question: string,
  response: ServerResponse,
  waitFor: (question: string) => Promise<void>,
): Promise<void> {
  if (question.includes('broken')) {
    const error = { message: 'This vendor is out of order.' };
    response.writeHead(500, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const whole = answerTo(question);
  const half = whole.length - secondHalf(question).length - 1;
  for (let at = 0; at < whole.length; at += 9) {
    if (at < half && at + 9 >= half && question.includes('slowly')) {
      response.write(chunk({ content: whole.slice(at, half) }));
      await waitFor(question);
      response.write(chunk({ content: whole.slice(half, at + 9) }));
    } else {
      response.write(chunk({ content: whole.slice(at, at + 9) }));
    }
    await setTimeout(pauseMs);
  }
  const usage = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 };
  response.end(`${chunk({}, 'stop')}data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
}

function chunk(delta: object, reason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: reason }];
  return `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices })}\n\n`;
}
