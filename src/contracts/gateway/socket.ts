import type { WebSocket } from 'ws';
import type { Caller } from '../../core/identity/caller.ts';
import { asParleyError } from '../../core/errors.ts';
import { requireScope } from '../../http/access.ts';
import { rateLimited } from '../../http/rate-limit.ts';
import { refuseSocket, type SocketRequest } from '../../http/sockets.ts';
import type { UserDoor } from '../../http/user-sockets.ts';
import { errorFrame } from './errors.ts';
import type { GatewayOptions } from './options.ts';
import { createSocketSession, frameTypes } from './socket-session.ts';

/** `WS /ws/chat` (gateway.md, "WebSocket API"). */
export function registerSocket(options: GatewayOptions): void {
  const door: UserDoor = {
    name: 'gateway',
    socketsPerUser: Number.POSITIVE_INFINITY,
    errorFrame: (error) => errorFrame(null, error),
  };
  options.sockets.add('/ws/chat', {
    contract: 'gateway',
    frames: frameTypes,
    open(socket, request) {
      socket.pause();
      void admit(options, door, socket, request).then((caller) => {
        if (caller === null) return;
        const { apiKey, bearer } = request.credentials;
        // A person's socket ends with the login; a key is looked at again.
        const key = caller.kind === 'key' ? (apiKey ?? bearer) : undefined;
        createSocketSession(options, socket, { requestId: request.requestId, caller, key });
        socket.resume();
      });
    },
  });
}

/** Who is at the other end; null where the socket was refused and closed. */
async function admit(
  options: GatewayOptions,
  door: UserDoor,
  socket: WebSocket,
  request: SocketRequest,
): Promise<Caller | null> {
  try {
    const allowance = await options.limits.take(options.socketLimit, request.ip);
    if (!allowance.allowed) throw rateLimited(allowance);
    const caller = await options.authenticator.identify(request.credentials, request.ip);
    requireScope(options.access, caller, 'completions');
    // A person's socket ends with the login.
    if (caller.kind === 'user' && !(await options.userSockets.admit(socket, caller, door))) return null;
    return caller;
  } catch (thrown) {
    const error = asParleyError(thrown);
    refuseSocket(socket, error, errorFrame(null, error));
    return null;
  }
}
