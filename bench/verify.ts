import type { RequestHeaders } from './load-plan.ts';
import { streamedTokens, wholeAnswer } from './wire.ts';

const requestLimitMs = 15_000;

/** One request. */
export interface Target {
  origin: string;
  path: string;
  headers: RequestHeaders;
  body: string;
}

/** Posts once and returns the status and the whole text; throws when it takes longer than 15 s. */
export async function postOnce(target: Target): Promise<{ status: number; text: string }> {
  const response = await fetch(target.origin + target.path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...target.headers },
    body: target.body,
    signal: AbortSignal.timeout(requestLimitMs),
  });
  return { status: response.status, text: await response.text() };
}

async function postOk(target: Target): Promise<string> {
  const { status, text } = await postOnce(target);
  if (status !== 200) throw new Error(`answered ${status}: ${text.slice(0, 300)}`);
  return text;
}

/** Throws unless the party's whole answer is the provider's, word for word, with its usage. */
export async function verifyWhole(target: Target): Promise<void> {
  const text = await postOk(target);
  const answer = JSON.parse(text) as {
    choices?: { message?: { content?: string } }[];
    usage?: { total_tokens?: number };
  };
  const content = answer.choices?.[0]?.message?.content;
  if (content !== wholeAnswer)
    throw new Error(`answered other text than the provider: ${text.slice(0, 300)}`);
  if (answer.usage?.total_tokens !== 84)
    throw new Error(`answered without the provider's usage: ${text.slice(0, 300)}`);
}

/** The text that an OpenAI stream's deltas make up. */
function streamedText(body: string): string {
  const events = body.split('\n\n').filter((event) => event.startsWith('data: {'));
  const deltas = events.map((event) => {
    const data = JSON.parse(event.slice('data: '.length)) as { choices?: { delta?: { content?: string } }[] };
    return data.choices?.[0]?.delta?.content ?? '';
  });
  return deltas.join('');
}

/** Throws unless the party's streamed answer is the provider's, in full, closed by `[DONE]`. */
export async function verifyStream(target: Target): Promise<void> {
  const text = await postOk(target);
  if (streamedText(text) !== streamedTokens.join(''))
    throw new Error(`streamed other text: ${text.slice(0, 300)}`);
  if (!text.trimEnd().endsWith('data: [DONE]')) throw new Error(`ended without [DONE]: ${text.slice(-300)}`);
}

/** Throws unless the deltas of the assistant's stream make up the provider's answer, and its last event says that it is done. */
export async function verifySessionStream(target: Target): Promise<void> {
  const text = await postOk(target);
  const events = [...text.matchAll(/^data: (.*)$/gm)].map(
    ([, data]) => JSON.parse(data!) as { type: string; content?: string },
  );
  const said = events.map(({ type, content }) => (type === 'delta' ? content : '')).join('');
  if (said !== streamedTokens.join('')) throw new Error(`streamed other text: ${text.slice(0, 300)}`);
  if (events.at(-1)?.type !== 'done') throw new Error(`ended without done: ${text.slice(-300)}`);
}
