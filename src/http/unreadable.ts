import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** What node's HTTP parser gives up on, by its error code. */
const refusals: Record<string, [status: number, text: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'The request headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
};

/** Answers what could not even be read as an HTTP request with the body that `present` makes, and hangs up. */
export function answerUnreadable(
  present: (status: number, text: string) => object,
): (error: NodeJS.ErrnoException, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const [status, text] = refusals[error.code ?? ''] ?? [400, 'The request is not valid HTTP.'];
    const body = JSON.stringify(present(status, text));
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    socket.destroySoon();
  };
}
