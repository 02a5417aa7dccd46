import type { FastifyRequest } from 'fastify';
import type { Core } from '../../core/core.ts';
import type { Limit, Limits } from '../../core/limits/limits.ts';
import type { Authenticator } from '../../http/credentials.ts';

/** What the companion's door needs. */
export interface CompanionOptions {
  core: Core;
  authenticator: Authenticator;
  limits: Limits;
  /** Logins, per address. */
  loginLimit: Limit;
  clientAddress: (request: FastifyRequest['raw']) => string;
}
