/**
 * What the parties say to one another: one prompt, one whole answer of about 60 tokens, one streamed answer of
 * 50 tokens, in OpenAI's wire format. Built once, so that no party pays for building it.
 */

/** The model every party is asked for; Parley's shipped catalogue lists it under OpenAI. */
export const benchModel = 'gpt-4o-mini';

/** The user's message of every request. */
export const prompt =
  'Explain in a few sentences how a reverse proxy keeps its connections to an upstream server alive, and why.';

/** The whole answer, about 60 tokens. */
export const wholeAnswer =
  'A reverse proxy keeps a small pool of open connections to the upstream server and sends each new request over ' +
  'one that is idle. This saves the cost of a TCP and TLS handshake for every request, keeps the congestion window ' +
  'warm, and bounds the number of sockets that the upstream server has to hold open at any one time.';

/** The streamed answer's tokens: exactly 50. */
export const streamedTokens: readonly string[] = Array.from({ length: 50 }, (_, index) => ` word${index}`);

/** Events of one streamed answer as the mock sends it: role, 50 tokens, finish, `[DONE]`. */
export const streamedFrames = streamedTokens.length + 3;

const usage = { prompt_tokens: 24, completion_tokens: 60, total_tokens: 84 };
const answerHead = {
  id: 'chatcmpl-bench0000000000000000000',
  created: 1_700_000_000,
  model: 'gpt-4o-mini-2024-07-18',
};

/** Body of a whole `POST /v1/chat/completions` answer. */
export const wholeAnswerBody = Buffer.from(
  JSON.stringify({
    ...answerHead,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: wholeAnswer },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage,
    system_fingerprint: 'fp_bench',
  }),
);

function frame(delta: Record<string, string>, finishReason: string | null, extra: object = {}): Buffer {
  const event = {
    ...answerHead,
    object: 'chat.completion.chunk',
    system_fingerprint: 'fp_bench',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
    ...extra,
  };
  return Buffer.from(`data: ${JSON.stringify(event)}\n\n`);
}

/** The frames of one streamed answer; the finishing one carries the usage. */
export const streamFrames: readonly Buffer[] = [
  frame({ role: 'assistant', content: '' }, null),
  ...streamedTokens.map((content) => frame({ content }, null)),
  frame({}, 'stop', { usage: { ...usage, completion_tokens: streamedTokens.length, total_tokens: 74 } }),
  Buffer.from('data: [DONE]\n\n'),
];

/** Whether the frame with this number holds a token. */
export function isTokenFrame(index: number): boolean {
  return index > 0 && index <= streamedTokens.length;
}

/** Milliseconds on the clock that all processes of the machine have in common. */
export function machineMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/** A token's frame that says when it was made. */
export function stampedFrame(): Buffer {
  return frame({ content: ` ${machineMs().toFixed(3)}` }, null);
}

/** When the tokens in a text were made, as `machineMs` has it. */
export function stampsIn(text: string): number[] {
  return (text.match(/\d+\.\d{3}/g) ?? []).map(Number);
}

/** A request body for OpenAI's door. */
export function openAiRequestBody(stream: boolean): string {
  return JSON.stringify({
    model: benchModel,
    messages: [
      { role: 'system', content: 'You are a concise assistant.' },
      { role: 'user', content: prompt },
    ],
    temperature: 0.7,
    ...(stream ? { stream: true } : {}),
  });
}

/** A request body for the gateway door, `POST /api/v1/chat/completion`. */
export function gatewayRequestBody(message: string, model = benchModel): string {
  return JSON.stringify({ message, model, temperature: 0.7, max_tokens: 1000 });
}
