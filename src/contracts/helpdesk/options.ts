import type { FastifyRequest } from 'fastify';
import type { Core } from '../../core/core.ts';
import type { Limit, Limits } from '../../core/limits/limits.ts';
import type { Runtime } from '../../core/runtime.ts';
import type { Authenticator } from '../../http/credentials.ts';
import type { Running } from '../../http/running.ts';

/** What the helpdesk's door needs. */
export interface HelpdeskOptions {
  core: Core;
  authenticator: Authenticator;
  limits: Limits;
  /** Logins, per address. */
  loginLimit: Limit;
  /** Messages over HTTP and sockets together, per person; of guests, per address. */
  messageLimit: Limit;
  /** Sessions begun, handed over and rated, per person; of guests, per address. */
  visitLimit: Limit;
  /** Administrative calls, per person. */
  adminLimit: Limit;
  running: Running;
  runtime: Runtime;
  clientAddress: (request: FastifyRequest['raw']) => string;
}
