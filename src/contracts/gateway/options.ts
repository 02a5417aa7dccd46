import type { FastifyRequest } from 'fastify';
import type { Core } from '../../core/core.ts';
import type { Limit, Limits } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Runtime } from '../../core/runtime.ts';
import type { AccessPolicy } from '../../http/access.ts';
import type { Authenticator } from '../../http/credentials.ts';
import type { Metrics } from '../../http/metrics.ts';
import type { Running } from '../../http/running.ts';
import type { Sockets } from '../../http/sockets.ts';
import type { UserSockets } from '../../http/user-sockets.ts';

/** What the gateway's door needs. */
export interface GatewayOptions {
  core: Core;
  authenticator: Authenticator;
  access: AccessPolicy;
  limits: Limits;
  /** Requests a minute and the burst above them. */
  requestLimit: Limit;
  /** New sockets a minute. */
  socketLimit: Limit;
  running: Running;
  sockets: Sockets;
  userSockets: UserSockets;
  metrics: Metrics;
  runtime: Runtime;
  log: Log;
  version: string;
  environment: string;
  /** Names of the vendors and whether each is configured. */
  providersConfigured: Record<string, boolean>;
  /** Whether answers come from, and go into, the response cache. */
  cacheEnabled: boolean;
  /** Largest text frame that a socket may send. */
  socketFrameBytes: number;
  /** Answers that one socket may have on the way at once. */
  answersPerSocket: number;
  clientAddress: (request: FastifyRequest['raw']) => string;
}
