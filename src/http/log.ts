import { pino } from 'pino';

/** Paths of values that must never be written, wherever a logged object happens to hold them. */
const secrets = ['authorization', 'cookie', 'password', 'secret', 'token', 'apiKey', 'api_key', 'x-api-key'];

/** The process's structured log: JSON lines on standard error, secrets blotted out. */
export function createLog(level: string, destination?: pino.DestinationStream): pino.Logger {
  const paths = secrets.flatMap((name) => {
    const key = name.includes('-') ? `["${name}"]` : name;
    const inner = name.includes('-') ? `*["${name}"]` : `*.${name}`;
    return [key, inner, name.includes('-') ? `*.*["${name}"]` : `*.*.${name}`];
  });
  return pino(
    { level, redact: { paths, censor: '[redacted]' } },
    destination ?? pino.destination({ fd: 2, sync: false, minLength: 0 }),
  );
}
