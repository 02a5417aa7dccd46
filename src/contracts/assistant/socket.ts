import type { WebSocket } from 'ws';
import { asParleyError } from '../../core/errors.ts';
import { requireUser } from '../../http/user-access.ts';
import { refuseSocket, type SocketRequest } from '../../http/sockets.ts';
import type { UserDoor } from '../../http/user-sockets.ts';
import { cursorFrom, errorFrame } from './frames.ts';
import { noSession, numberOf } from './input.ts';
import type { AssistantOptions } from './options.ts';
import { frameTypes, openSession } from './socket-session.ts';

export const socketPath = '/ws/chat/:session_id';

/** `WS /ws/chat/{session_id}`. */
export function registerSocket(options: AssistantOptions): void {
  const { socketsPerUser, sockets } = options;
  const door: UserDoor = { socketsPerUser, errorFrame };
  sockets.add(socketPath, {
    contract: 'assistant',
    frames: frameTypes,
    open(socket, request) {
      socket.pause();
      admit(options, door, socket, request).catch((thrown: unknown) => {
        const error = asParleyError(thrown);
        if (error.code === 'internal') options.log.error({ err: thrown }, 'a socket could not be opened');
        refuseSocket(socket, error, errorFrame(error));
      });
    },
  });
}

async function admit(
  options: AssistantOptions,
  door: UserDoor,
  socket: WebSocket,
  { credentials, ip, params, query, requestId }: SocketRequest,
): Promise<void> {
  const { core, authenticator, userSockets } = options;
  const caller = requireUser(await authenticator.identify(credentials, ip));
  const sessionId = numberOf(params['session_id'] ?? '');
  if (sessionId === undefined) throw noSession();
  await core.conversations.get(caller, sessionId);
  if (!userSockets.admit(socket, caller, door)) return;
  const streams = query.get('stream') === 'true';
  const cursor = cursorFrom(query.get('cursor'));
  await openSession({ options, socket, caller, sessionId, requestId, streams }, cursor);
}
