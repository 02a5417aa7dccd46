import type { FastifyInstance } from 'fastify';

/** Whether this process is about to end: it still answers, but wants to be asked nothing more. */
export interface Leaving {
  begin(): void;
  begun(): boolean;
}

export function createLeaving(): Leaving {
  let begun = false;
  return {
    begin: () => void (begun = true),
    begun: () => begun,
  };
}

/** From the beginning of the leaving on, each answer is the last on its connection: whoever asked goes elsewhere. */
export function endConnections(app: FastifyInstance, leaving: Leaving): void {
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (leaving.begun()) reply.header('connection', 'close');
    done();
  });
}
