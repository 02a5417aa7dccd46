import type { onRequestHookHandler } from 'fastify';
import type { Maintenance } from '../core/maintenance.ts';
import './caller-decoration.ts';

/** A route's hook, after the one that says who asks: while the maintenance switch is on, only administrators get in. */
export function refuseInMaintenance(maintenance: Pick<Maintenance, 'check'>): onRequestHookHandler {
  return (request, _reply, done) => {
    maintenance.check(request.caller);
    done();
  };
}
