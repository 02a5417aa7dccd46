import type { IncomingMessage } from 'node:http';
import type { Runtime } from '../core/runtime.ts';

const acceptable = /^[\x21-\x7e]{1,128}$/u;

/** `X-Request-ID` where it is 1 to 128 visible ASCII characters, else a new `req_…`. */
export function createRequestId(runtime: Pick<Runtime, 'token'>): (request: IncomingMessage) => string {
  return (request) => {
    const sent = request.headers['x-request-id'];
    if (typeof sent === 'string' && acceptable.test(sent)) return sent;
    return `req_${runtime.token(12)}`;
  };
}
