import type { FastifyRequest } from 'fastify';
import type { Core } from '../../core/core.ts';
import type { Limit, Limits } from '../../core/limits/limits.ts';
import type { Runtime } from '../../core/runtime.ts';
import type { Authenticator } from '../../http/credentials.ts';

/** What the helpdesk's door needs. */
export interface HelpdeskOptions {
  core: Core;
  authenticator: Authenticator;
  limits: Limits;
  /** Administrative calls, per person. */
  adminLimit: Limit;
  runtime: Runtime;
  clientAddress: (request: FastifyRequest['raw']) => string;
}
