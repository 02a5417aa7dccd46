/**
 * The load generator: raw sockets, prebuilt requests, a minimal response reader, so that it costs a fraction of
 * what the parties do. It takes a `LoadPlan` per message of its parent and answers with a `LoadResult`.
 */
import { connect, type Socket } from 'node:net';
import { createHistogram } from '../histogram.ts';
import type { LoadPlan, LoadResult, RequestHeaders } from '../load-plan.ts';
import { ResponseReader } from '../response-reader.ts';

const drainLimitMs = 10_000;
const reconnectPauseMs = 20;

/** Prebuilt request bytes, one for each path, headers and body. */
function buildRequests({ origin, path, headers, bodies }: LoadPlan): Buffer[] {
  const { host } = new URL(origin);
  const paths = typeof path === 'string' ? [path] : path;
  const heads = (Array.isArray(headers) ? (headers as RequestHeaders[]) : [headers as RequestHeaders]).map(
    linesOf,
  );
  const count = Math.max(paths.length, heads.length, bodies.length);
  return Array.from({ length: count }, (_, index) => {
    const target = `${paths[index % paths.length]} HTTP/1.1\r\nhost: ${host}\r\n${heads[index % heads.length]}`;
    if (bodies.length === 0) return Buffer.from(`GET ${target}\r\n`);
    const body = bodies[index % bodies.length]!;
    const kind = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}`;
    return Buffer.from(`POST ${target}${kind}\r\n\r\n${body}`);
  });
}

function linesOf(headers: RequestHeaders): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

/** The counters of one stretch, and the clock that says whether it is over. */
function createTally(plan: LoadPlan) {
  const latencies = createHistogram();
  const firstBytes = createHistogram();
  const startedAt = performance.now();
  const countedFrom = startedAt + (plan.rampMs ?? 0);
  const deadline = startedAt + plan.durationMs;
  let responses = 0;
  let frames = 0;
  let total = 0;
  let errors = 0;
  let firstError: string | undefined;
  return {
    deadline,
    fail(why: string): void {
      errors++;
      firstError ??= why;
    },
    firstByte(now: number, sentAt: number): void {
      if (now <= deadline && sentAt >= countedFrom) firstBytes.add(now - sentAt);
    },
    good(now: number, sentAt: number, seenFrames: number): void {
      total++;
      if (now > deadline || now < countedFrom) return;
      responses++;
      frames += seenFrames;
      latencies.add(now - sentAt);
    },
    result(): LoadResult {
      return {
        seconds: (plan.durationMs - (plan.rampMs ?? 0)) / 1000,
        responses,
        frames,
        total,
        errors,
        ...(firstError === undefined ? {} : { firstError }),
        p50Ms: latencies.quantile(0.5),
        p99Ms: latencies.quantile(0.99),
        firstByteP50Ms: firstBytes.quantile(0.5),
        firstByteP99Ms: firstBytes.quantile(0.99),
      };
    },
  };
}

type Tally = ReturnType<typeof createTally>;

/** By origin, how many requests were sent: a stretch goes on where the last one stopped. */
const sentTo = new Map<string, number>();

/** Hands out the next request's bytes, all connections together in turn; undefined when the stretch is over. */
function createRequestSource(plan: LoadPlan, deadline: number): () => Buffer | undefined {
  const requests = buildRequests(plan);
  const start = sentTo.get(plan.origin) ?? 0;
  const most = plan.requests ?? Infinity;
  let sent = 0;
  return () => {
    if (sent >= most || performance.now() >= deadline) return undefined;
    const request = requests[(start + sent) % requests.length]!;
    sentTo.set(plan.origin, start + ++sent);
    return request;
  };
}

/** Runs one connection until the deadline; calls `done` once, when it is closed and will not be opened again. */
function runConnection(
  openAfterMs: number,
  plan: LoadPlan,
  tally: Tally,
  nextRequest: () => Buffer | undefined,
  done: () => void,
): () => void {
  let sentAt = 0;
  let ended = false;
  let socket: Socket | undefined;

  const send = (): void => {
    const request = nextRequest();
    if (!request) return finish();
    sentAt = performance.now();
    socket?.write(request);
  };
  const reader = (): ResponseReader =>
    new ResponseReader(
      {
        onFirstByte() {
          tally.firstByte(performance.now(), sentAt);
        },
        onEnd(status, bytes, frames) {
          if (status !== 200) tally.fail(`status ${status}`);
          else if (bytes < plan.minBytes) tally.fail(`short body: ${bytes} of ${plan.minBytes} bytes`);
          else if (frames < plan.minFrames) tally.fail(`short stream: ${frames} of ${plan.minFrames} frames`);
          else tally.good(performance.now(), sentAt, frames);
          send();
        },
        onBroken(why) {
          tally.fail(why);
          socket?.destroy();
        },
      },
      plan.firstText,
    );
  const finish = (): void => {
    if (ended) return;
    ended = true;
    socket?.destroy();
    done();
  };
  const open = (): void => {
    if (ended) return;
    const { hostname, port } = new URL(plan.origin);
    const current = reader();
    socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.on('connect', send);
    socket.on('data', (chunk) => current.feed(chunk as Buffer));
    socket.on('error', (error) => tally.fail(error.message));
    socket.on('close', () => {
      if (ended) return;
      tally.fail('connection closed before the answer was complete');
      if (performance.now() < tally.deadline) setTimeout(open, reconnectPauseMs);
      else finish();
    });
  };
  setTimeout(open, openAfterMs);
  return finish;
}

/** Runs the plan; resolves when every connection is closed. Answers that hang past the deadline are errors. */
function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const tally = createTally(plan);
  const nextRequest = createRequestSource(plan, tally.deadline);
  return new Promise((resolve) => {
    let open = plan.connections;
    const closers: (() => void)[] = [];
    const drainTimer = setTimeout(() => {
      tally.fail(`${open} answers still incomplete ${drainLimitMs} ms after the end`);
      for (const close of closers) close();
    }, plan.durationMs + drainLimitMs);
    const done = (): void => {
      open--;
      if (open > 0) return;
      clearTimeout(drainTimer);
      resolve(tally.result());
    };
    for (let index = 0; index < plan.connections; index++) {
      const openAfterMs = ((plan.rampMs ?? 0) * index) / plan.connections;
      closers.push(runConnection(openAfterMs, plan, tally, nextRequest, done));
    }
  });
}

process.on('message', (plan: LoadPlan) => {
  void runLoad(plan).then((result) => process.send?.(result));
});
process.on('disconnect', () => process.exit(0));
