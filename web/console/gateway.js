import { eventData } from './event-stream.js';
import { say } from './words.js';

/** Where the server is: the console's files lie one level below it, behind whatever prefix a proxy adds. */
const server = new URL('../', import.meta.url);

/** A request that failed, said in words that the user can act on. */
export class GatewayFailure extends Error {
  constructor(message, { code = null, requestId = null } = {}) {
    super(message);
    this.code = code;
    this.requestId = requestId;
  }
}

/** The published gateway API. `apiKey` gives the key to send, or an empty text. Failures are `GatewayFailure`s. */
export function createGateway({ apiKey }) {
  const call = async (path, init = {}) => {
    const response = await send(new URL(path, server), apiKey(), init);
    if (!response.ok) throw await failureOf(response);
    return response;
  };
  const json = async (path) => (await call(path)).json();
  return {
    models: () => json('api/v1/models'),
    cacheStats: () => json('api/v1/cache/stats'),
    health: () => json('health'),
    /** An answer as it comes: `{cache}`, then `{chunk}` …, then `{finished, model, usage}`. */
    async *answer(request, signal) {
      const body = JSON.stringify({ ...request, stream: true });
      const headers = { 'content-type': 'application/json' };
      const response = await call('api/v1/chat/stream', { method: 'POST', headers, body, signal });
      yield { cache: response.headers.get('x-cache-status') };
      yield* frames(response);
    },
  };
}

async function send(url, key, { headers = {}, ...init }) {
  if (!/^[\x21-\x7e]*$/u.test(key)) throw new GatewayFailure(say('keyCharacters'), { code: 'UNAUTHORIZED' });
  try {
    const credentials = key === '' ? {} : { 'x-api-key': key };
    return await fetch(url, { ...init, headers: { ...headers, ...credentials } });
  } catch (thrown) {
    if (thrown.name === 'AbortError') throw thrown;
    throw new GatewayFailure(say('unreachable'));
  }
}

async function failureOf(response) {
  const body = await response.json().catch(() => null);
  const text = typeof body?.error === 'string' ? body.error : say('unreadable', { status: response.status });
  return new GatewayFailure(text, { code: body?.code, requestId: response.headers.get('x-request-id') });
}

async function* frames(response) {
  const requestId = response.headers.get('x-request-id');
  try {
    for await (const data of eventData(response.body)) {
      const frame = JSON.parse(data);
      if (frame.error !== undefined) throw new GatewayFailure(frame.error, { code: frame.code, requestId });
      yield frame;
      if (frame.finished) return;
    }
  } catch (thrown) {
    if (thrown.name === 'AbortError' || thrown instanceof GatewayFailure) throw thrown;
    throw new GatewayFailure(say('brokenOff'), { requestId });
  }
  throw new GatewayFailure(say('brokenOff'), { requestId });
}
