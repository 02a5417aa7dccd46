import type { FastifyRequest } from 'fastify';
import type { Core } from '../../core/core.ts';
import type { Limit, Limits } from '../../core/limits/limits.ts';

/** What the assistant's door needs. */
export interface AssistantOptions {
  core: Core;
  limits: Limits;
  /** Logins and registrations together, per address. */
  authLimit: Limit;
  clientAddress: (request: FastifyRequest['raw']) => string;
}
