import type { FastifyRequest } from 'fastify';
import type { Core } from '../../core/core.ts';
import type { Limit, Limits } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Runtime } from '../../core/runtime.ts';
import type { Authenticator } from '../../http/credentials.ts';
import type { Running } from '../../http/running.ts';
import type { Sockets } from '../../http/sockets.ts';
import type { UserSockets } from '../../http/user-sockets.ts';

/** What the companion's door needs. */
export interface CompanionOptions {
  core: Core;
  authenticator: Authenticator;
  limits: Limits;
  /** Logins, per address. */
  loginLimit: Limit;
  /** Chat calls and the messages of sockets together, per user. */
  chatLimit: Limit;
  running: Running;
  runtime: Runtime;
  log: Log;
  sockets: Pick<Sockets, 'add'>;
  userSockets: UserSockets;
  /** Open sockets of one user. */
  socketsPerUser: number;
  socketFrameBytes: number;
  clientAddress: (request: FastifyRequest['raw']) => string;
}
