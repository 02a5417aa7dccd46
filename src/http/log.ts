import { pino } from 'pino';

/** The process's structured logs: JSON lines on one destination. */
export interface Logs {
  /** What happens. Secrets are blotted out wherever a logged object happens to hold them. */
  log: pino.Logger;
  /** One line a request. Its few fields are chosen, none can hold a secret, and so it is spared the search for them. */
  access: pino.Logger;
  /** Writes out what is buffered; to be called before the process ends. */
  flush(): void;
}

/** Names of values that must never be written. */
const secretNames = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'apiKey',
  'api_key',
  'x-api-key',
];

/** Requests' lines are written in pieces of this size, or after `flushEveryMs`: a system call each would cost more than they do. */
const bufferBytes = 8 * 1024;
const flushEveryMs = 250;

/** Logs to standard error, or to `destination`. */
export function createLogs(level: string, destination?: pino.DestinationStream): Logs {
  const paths = secretNames.flatMap((name) => {
    const key = `["${name}"]`;
    return [key, `*${key}`, `*.*${key}`];
  });
  const redact = { paths, censor: '[redacted]' };
  if (destination !== undefined) {
    return { log: pino({ level, redact }, destination), access: pino({ level }, destination), flush() {} };
  }
  const buffered = pino.destination({ fd: 2, sync: false, minLength: bufferBytes });
  const timer = setInterval(() => buffered.flush(), flushEveryMs);
  timer.unref();
  return {
    log: pino({ level, redact }, pino.destination({ fd: 2, sync: true })),
    access: pino({ level, base: undefined }, buffered),
    flush: () => buffered.flushSync(),
  };
}
