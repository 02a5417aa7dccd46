import type { Caller } from '../core/identity/caller.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set by each door's own hook before its routes run. */
    caller: Caller;
  }
}
