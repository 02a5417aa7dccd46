import { Redis as Client } from 'ioredis';
import type { Runtime } from '../core/runtime.ts';
import type { RedisAddress } from './address.ts';

export type { Redis as Client } from 'ioredis';

/** A connection that is made anew whenever it is lost, and never given up. */
export interface KeptClient {
  client: Client;
  /** Whether commands can be sent: it is connected, and not about to be replaced. */
  isReady(): boolean;
  /** Gives up the connection for another one: it is open, but of no use. */
  replace(): void;
  /** The connection does its work: should it be lost, the next one is tried without delay. */
  proven(): void;
  close(): Promise<void>;
}

export interface KeptClientParts {
  address: RedisAddress;
  runtime: Pick<Runtime, 'random'>;
  /** Commands can be sent. */
  onReady: () => void;
  /** The connection is gone, or could not be made; called at each attempt. */
  onClosed: (reason: string) => void;
}

const connectMs = 2_000;
/** For a password and the choice of a database to be answered. */
const handshakeMs = 1_000;
const firstPauseMs = 50;
const longestPauseMs = 1_000;
/** A connection that the other side does not close within this is dropped. */
const disconnectMs = 100;

/** Connects in the background. Where Redis is away, commands fail at once; none is kept for later, and none is sent twice. */
export function keepClient({ address, runtime, onReady, onClosed }: KeptClientParts): KeptClient {
  let attempts = 0;
  const { tls, ...where } = address;
  const client = new Client({
    ...where,
    ...(tls && { tls: {} }),
    connectTimeout: connectMs,
    disconnectTimeout: disconnectMs,
    retryStrategy: () => pauseMs(attempts++, runtime.random()),
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableReadyCheck: false,
    disableClientInfo: true,
    // Nothing of the newer protocol is needed, and not all that speaks Redis speaks it.
    protocol: 2,
  });
  let isLeft = false;
  const replace = () => {
    if (client.status !== 'ready' && client.status !== 'connect') return;
    isLeft = true;
    client.disconnect(true);
  };
  client.on('close', () => {
    isLeft = false;
  });
  watchOver(client, { replace, onReady, onClosed });
  return {
    client,
    isReady: () => client.status === 'ready' && !isLeft,
    replace,
    proven: () => void (attempts = 0),
    close: () => close(client),
  };
}

function watchOver(
  client: Client,
  parts: Pick<KeptClientParts, 'onReady' | 'onClosed'> & Pick<KeptClient, 'replace'>,
): void {
  let reason: string | undefined;
  let patience: NodeJS.Timeout | undefined;
  let refused = false;
  client.on('connect', () => {
    reason = undefined;
    refused = false;
    patience = setTimeout(() => {
      reason = `no answer within ${handshakeMs} ms`;
      parts.replace();
    }, handshakeMs);
  });
  client.on('error', (error: Error & { code?: string }) => {
    reason = error.message || error.code;
    // The client itself goes on with another database than the one that was asked for.
    refused ||= error.name === 'ReplyError';
  });
  client.on('ready', () => {
    clearTimeout(patience);
    if (refused) parts.replace();
    else parts.onReady();
  });
  client.on('close', () => {
    clearTimeout(patience);
    parts.onClosed(reason ?? 'the connection was closed');
    reason = undefined;
  });
}

function pauseMs(attempts: number, chance: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(attempts, 10)) * (0.75 + chance / 4);
}

async function close(client: Client): Promise<void> {
  if (client.status === 'end') return;
  // While it waits for its next attempt there is no connection whose end would be told.
  const isWaiting = client.status === 'reconnecting' || client.status === 'close';
  const ended = isWaiting ? undefined : new Promise((resolve) => client.once('end', resolve));
  client.disconnect();
  await ended;
}
