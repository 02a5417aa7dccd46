import type { FastifyRequest } from 'fastify';
import type { Core } from '../../core/core.ts';
import type { Limit, Limits } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Runtime } from '../../core/runtime.ts';
import type { Authenticator } from '../../http/credentials.ts';
import type { Running } from '../../http/running.ts';
import type { UserSockets } from '../../http/user-sockets.ts';

/** What the studio's door needs. */
export interface StudioOptions {
  core: Core;
  authenticator: Authenticator;
  limits: Limits;
  /** Logins, registrations and refreshed tokens together, per address. */
  authLimit: Limit;
  /** Messages, per user. */
  messageLimit: Limit;
  /** Calls through the proxy, per user or API key. */
  proxyLimit: Limit;
  running: Running;
  userSockets: Pick<UserSockets, 'whileLoggedIn'>;
  runtime: Runtime;
  log: Log;
  /** Largest body of a request that may hold images or videos. */
  imageBodyBytes: number;
  /** The model of conversations for which none was chosen. */
  defaultModel: () => string;
  clientAddress: (request: FastifyRequest['raw']) => string;
}
