import type { WebSocket } from 'ws';
import { asParleyError } from '../../core/errors.ts';
import { createRooms, type Rooms } from '../../core/realtime/rooms.ts';
import { refuseSocket, type SocketRequest } from '../../http/sockets.ts';
import { requireUser } from '../../http/user-access.ts';
import type { UserDoor } from '../../http/user-sockets.ts';
import { errorFrame, personTypingFrame } from './frames.ts';
import type { CompanionOptions } from './options.ts';
import { beginSession, frameTypes } from './socket-session.ts';
import { tell, type Watching } from './watching.ts';

/** `WS /ws/chat` (companion.md, "WebSocket Interface"), for tokens of `/login`: the gateway has the same path. */
export function registerSocket(options: CompanionOptions): void {
  const { core, sockets, runtime, socketsPerUser } = options;
  const door: UserDoor = {
    name: 'companion',
    socketsPerUser,
    errorFrame: (error) => errorFrame(error, runtime.now()),
  };
  const rooms = createRooms<Watching>();
  core.signals.subscribe('everyone', (signal) => {
    const frame = personTypingFrame(signal, runtime.now());
    if (frame === undefined) return;
    for (const watching of rooms.in(signal.conversationId)) void tell(watching, frame);
  });
  sockets.add(
    '/ws/chat',
    {
      contract: 'companion',
      frames: frameTypes,
      open(socket, request) {
        socket.pause();
        void admit(options, door, rooms, socket, request);
      },
    },
    { issuedBy: 'companion' },
  );
}

async function admit(
  options: CompanionOptions,
  door: UserDoor,
  rooms: Rooms<Watching>,
  socket: WebSocket,
  { credentials, ip, requestId, query }: SocketRequest,
): Promise<void> {
  try {
    const caller = requireUser(await options.authenticator.identify(credentials, ip));
    if (!(await options.userSockets.admit(socket, caller, door))) return;
    const streams = query.get('stream') === 'true';
    await beginSession(options, rooms, socket, { caller, requestId, streams, cursor: query.get('cursor') });
    socket.resume();
  } catch (thrown) {
    const error = asParleyError(thrown);
    if (error.code === 'internal') options.log.error({ err: thrown }, 'a socket could not be opened');
    refuseSocket(socket, error, door.errorFrame(error));
  }
}
