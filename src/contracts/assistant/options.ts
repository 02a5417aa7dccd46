import type { FastifyRequest } from 'fastify';
import type { Core } from '../../core/core.ts';
import type { Limit, Limits } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Runtime } from '../../core/runtime.ts';
import type { Authenticator } from '../../http/credentials.ts';
import type { Running } from '../../http/running.ts';
import type { Sockets } from '../../http/sockets.ts';
import type { UserSockets } from '../../http/user-sockets.ts';

/** What the assistant's door needs. */
export interface AssistantOptions {
  core: Core;
  authenticator: Authenticator;
  limits: Limits;
  /** Logins and registrations together, per address. */
  authLimit: Limit;
  /** Chat and statistics calls and messages over sockets together, per user. */
  chatLimit: Limit;
  running: Running;
  sockets: Sockets;
  userSockets: UserSockets;
  /** Sockets that a user may have open. */
  socketsPerUser: number;
  /** Largest text frame that a socket may send. */
  socketFrameBytes: number;
  runtime: Runtime;
  log: Log;
  clientAddress: (request: FastifyRequest['raw']) => string;
}
