/**
 * The least a Node proxy can do: bare `node:http` in front, one `undici` pool behind, bodies relayed as they
 * are. No key, no limit, no metering, no parsing. `BENCH_UPSTREAM` is the provider's origin.
 */
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import { Pool } from 'undici';
import { listenAndAnnounce } from './announce.ts';

const upstream = new Pool(process.env.BENCH_UPSTREAM ?? '', { connections: 1024, pipelining: 1 });

function relay(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
  upstream.dispatch(
    {
      path: request.url ?? '/',
      method: request.method === 'GET' ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', authorization: request.headers.authorization ?? '' },
      body: body.length > 0 ? body : null,
    },
    {
      onRequestStart() {},
      onResponseStart(_controller, status, { 'content-type': type, 'content-length': length }) {
        const headers: OutgoingHttpHeaders = {};
        if (type) headers['content-type'] = String(type);
        if (length) headers['content-length'] = String(length);
        response.writeHead(status, headers);
      },
      onResponseData(_controller, chunk) {
        response.write(chunk);
      },
      onResponseEnd() {
        response.end();
      },
      onResponseError() {
        if (!response.headersSent) response.writeHead(502);
        response.end();
      },
    },
  );
}

function onRequest(request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => relay(request, parts.length === 1 ? parts[0]! : Buffer.concat(parts), response));
}

listenAndAnnounce(createServer({ keepAliveTimeout: 600_000 }, onRequest));
