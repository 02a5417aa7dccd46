import { createHmac } from 'node:crypto';

const prefix = 'whsec_';

/** A secret as the Standard Webhooks specification writes it, made of `bytes` in URL-safe base64. */
export function secretOf(bytes: string): string {
  return prefix + Buffer.from(bytes, 'base64url').toString('base64');
}

/** What a receiver checks a message by (Standard Webhooks 1.0): id, time in seconds, and a signature with each of the secrets. */
export function signatureHeaders(
  message: { id: string; at: number; body: string },
  secrets: readonly string[],
): Record<string, string> {
  const { id, at, body } = message;
  const timestamp = String(Math.floor(at / 1000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(prefix.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}
