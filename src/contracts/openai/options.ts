import type { FastifyRequest } from 'fastify';
import type { Core } from '../../core/core.ts';
import type { Limits } from '../../core/limits/limits.ts';
import type { Runtime } from '../../core/runtime.ts';
import type { AccessPolicy } from '../../http/access.ts';
import type { Authenticator } from '../../http/credentials.ts';
import type { Running } from '../../http/running.ts';

/** What the door for OpenAI's clients needs. */
export interface OpenAiOptions {
  core: Core;
  authenticator: Authenticator;
  access: AccessPolicy;
  limits: Limits;
  running: Running;
  runtime: Runtime;
  /** Whether answers come from, and go into, the response cache. */
  cache: boolean;
  /** Largest body of a request that may hold images. */
  imageBodyBytes: number;
  clientAddress: (request: FastifyRequest['raw']) => string;
}
