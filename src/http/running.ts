import type { ServerResponse } from 'node:http';
import { ParleyError } from '../core/errors.ts';

/** The work in progress for clients, so that it can end with its client and be waited for at shutdown. */
export interface Running {
  /** A signal that aborts when the client of `response` goes away before the response is finished. */
  forResponse(response: ServerResponse): AbortSignal;
  /** A piece of work of a socket's; `end` must be called when it is over. */
  begin(): { controller: AbortController; end: () => void };
  /** Pieces of work at present. */
  size(): number;
  /** Resolves as soon as nothing runs. */
  idle(): Promise<void>;
  /** Takes on no more: from now on new work is refused with `overloaded`. */
  drain(): void;
  abortAll(reason: ParleyError): void;
}

export function createRunning(): Running {
  const controllers = new Set<AbortController>();
  const waiting = new Set<() => void>();

  let draining = false;

  const begin = () => {
    if (draining) throw shuttingDown();
    const controller = new AbortController();
    controllers.add(controller);
    const end = () => {
      controllers.delete(controller);
      if (controllers.size > 0) return;
      for (const resolve of waiting) resolve();
      waiting.clear();
    };
    return { controller, end };
  };

  return {
    begin,
    forResponse(response) {
      const { controller, end } = begin();
      const closed = () => {
        end();
        if (!response.writableFinished) controller.abort();
      };
      // A client may leave while its key is looked up; `close` has been emitted then.
      if (response.destroyed) closed();
      else response.once('close', closed);
      return controller.signal;
    },
    size: () => controllers.size,
    idle: () => (controllers.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve))),
    drain() {
      draining = true;
    },
    abortAll(reason) {
      for (const controller of controllers) controller.abort(reason);
    },
  };
}

/** What work hears that ends because the process does. */
export function shuttingDown(): ParleyError {
  return new ParleyError('overloaded', 'The server is shutting down. Try again in a moment.', {
    retryable: true,
    retryAfterMs: 2_000,
  });
}
