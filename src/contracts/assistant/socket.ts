import type { WebSocket } from 'ws';
import { asParleyError } from '../../core/errors.ts';
import { createRooms, type Rooms } from '../../core/realtime/rooms.ts';
import { requireUser } from '../../http/user-access.ts';
import { refuseSocket, type SocketRequest } from '../../http/sockets.ts';
import type { UserDoor } from '../../http/user-sockets.ts';
import { cursorFrom, errorFrame, personTypingFrame } from './frames.ts';
import { noSession, numberOf } from './input.ts';
import type { AssistantOptions } from './options.ts';
import { send, type Screen } from './socket-screen.ts';
import { frameTypes, openSession } from './socket-session.ts';

export const socketPath = '/ws/chat/:session_id';

/** `WS /ws/chat/{session_id}`. */
export function registerSocket(options: AssistantOptions): void {
  const { core, socketsPerUser, sockets } = options;
  const door: UserDoor = { name: 'assistant', socketsPerUser, errorFrame };
  const rooms = createRooms<Screen>();
  core.signals.subscribe('everyone', (signal) => {
    const frame = personTypingFrame(signal);
    if (frame === undefined) return;
    for (const screen of rooms.in(signal.conversationId)) void send(screen, frame);
  });
  sockets.add(socketPath, {
    contract: 'assistant',
    frames: frameTypes,
    open(socket, request) {
      socket.pause();
      admit(options, door, rooms, socket, request).catch((thrown: unknown) => {
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
  rooms: Rooms<Screen>,
  socket: WebSocket,
  { credentials, ip, params, query, requestId }: SocketRequest,
): Promise<void> {
  const { core, authenticator, userSockets } = options;
  const caller = requireUser(await authenticator.identify(credentials, ip));
  const conversationId = numberOf(params['session_id'] ?? '');
  if (conversationId === undefined) throw noSession();
  await core.conversations.get(caller, conversationId);
  if (!(await userSockets.admit(socket, caller, door))) return;
  const streams = query.get('stream') === 'true';
  const cursor = cursorFrom(query.get('cursor'));
  await openSession({ options, rooms, socket, caller, conversationId, requestId, streams }, cursor);
}
