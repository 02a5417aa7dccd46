import type { RawData, WebSocket } from 'ws';
import { asParleyError, ParleyError } from '../../core/errors.ts';
import { createRooms, type Rooms } from '../../core/realtime/rooms.ts';
import { prefersEnglish } from '../../http/accept-language.ts';
import { frameIdOf, parseFrame } from '../../http/frames.ts';
import { refuseSocket, sendFrame, type SocketRequest } from '../../http/sockets.ts';
import { malformedErrorOf } from './errors.ts';
import { enter } from './socket-admission.ts';
import { dispatch } from './socket-dispatch.ts';
import { errorFrame, typingFrame, type Language } from './socket-frames.ts';
import { frameTypes, inputOf } from './socket-input.ts';
import { closeScreen, type Screen } from './socket-screen.ts';
import { createStaffDesk, type StaffDesk } from './socket-staff.ts';
import { isOpen, send, type Door, type FrameId, type SocketOptions, type Visit } from './socket-visit.ts';

/** `WS /ws` (helpdesk.md, "WebSocket 接口"): guests, customers who are logged in, and staff. */
export function registerSocket(options: SocketOptions): void {
  const rooms = createRooms<Screen>();
  const desk = createStaffDesk(options);
  const userDoor = (language: Language) => ({
    name: 'helpdesk',
    // Sockets are counted by address, whoever opens them.
    socketsPerUser: Number.POSITIVE_INFINITY,
    errorFrame: (error: ParleyError) => errorFrame(error, language),
  });
  const door: Door = {
    options,
    rooms,
    desk,
    userDoors: { zh: userDoor('zh'), en: userDoor('en') },
  };
  passSignalsOn(options, rooms, desk);
  options.sockets.add('/ws', {
    contract: 'helpdesk',
    frames: frameTypes,
    open(socket, request) {
      socket.pause();
      void admit(door, socket, request);
    },
  });
}

/** What an agent types, the customer sees; what anybody types, staff. */
function passSignalsOn({ core }: SocketOptions, rooms: Rooms<Screen>, desk: StaffDesk): void {
  core.signals.subscribe('everyone', (signal) => {
    desk.signal(signal);
    if (signal.from.kind === 'customer') return;
    for (const { visit, key } of rooms.in(signal.conversationId)) void send(visit, typingFrame(key, signal));
  });
}

/** Listeners are shared: what is made for a socket is one object. */
const visits = new WeakMap<WebSocket, Visit>();

async function admit(door: Door, socket: WebSocket, request: SocketRequest): Promise<void> {
  const { ip, requestId, credentials, query, acceptLanguage } = request;
  const language = prefersEnglish(acceptLanguage) ? 'en' : 'zh';
  const visit: Visit = {
    door,
    socket,
    ip,
    requestId,
    language,
    caller: null,
    screens: noScreens,
    seat: null,
    counted: null,
    inbox: null,
    pace: null,
  };
  visits.set(socket, visit);
  try {
    await countIn(visit);
    if (!isOpen(visit)) return;
    const sessionId = query.get('session_id') ?? undefined;
    const { apiKey, bearer: token } = credentials;
    const shows = sessionId !== undefined || apiKey !== undefined || token !== undefined;
    if (shows)
      await enter(visit, { apiKey, token, sessionId, cursor: query.get('cursor') ?? undefined }, undefined);
    if (!isOpen(visit)) return;
    socket.on('message', received);
    socket.resume();
  } catch (thrown) {
    const error = asParleyError(thrown);
    if (error.code === 'internal') door.options.log.error({ err: thrown }, 'a socket could not be opened');
    refuseSocket(socket, error, errorFrame(error, language));
  }
}

const noScreens: Visit['screens'] = [];

/** Throws `rate_limited` for one more than an address may have. */
async function countIn(visit: Visit): Promise<void> {
  const { door, socket, ip } = visit;
  const { seats, socketsPerAddress } = door.options;
  socket.on('close', closed);
  if (!Number.isFinite(socketsPerAddress)) return;
  visit.counted = await seats.take('helpdesk', ip, socketsPerAddress);
  if (visit.counted === null) {
    const text = `At most ${socketsPerAddress} connections of one address may be open at once. Close another one first.`;
    throw new ParleyError('rate_limited', text);
  }
  // Closed meanwhile: nobody would tell of it again.
  if (socket.readyState === socket.CLOSED) visit.counted.release();
}

function closed(this: WebSocket): void {
  const visit = visits.get(this);
  if (visit === undefined) return;
  const { door, screens, seat, counted } = visit;
  counted?.release();
  for (const screen of screens) closeScreen(screen);
  if (seat !== null) door.desk.leave(seat);
}

/** One frame after the other; a client that sends faster is not read meanwhile. */
function received(this: WebSocket, data: RawData, isBinary: boolean): void {
  const visit = visits.get(this);
  if (visit === undefined) return;
  const come = { data: data as Buffer, isBinary };
  if (visit.inbox !== null) return void visit.inbox.push(come);
  visit.inbox = [come];
  this.pause();
  void handleAll(visit, visit.inbox);
}

async function handleAll(visit: Visit, inbox: NonNullable<Visit['inbox']>): Promise<void> {
  for (const { data, isBinary } of inbox) {
    if (isOpen(visit)) await handle(visit, data, isBinary);
  }
  visit.inbox = null;
  visit.socket.resume();
}

/** Never rejects. */
async function handle(visit: Visit, data: Buffer, isBinary: boolean): Promise<void> {
  const { options } = visit.door;
  let id: FrameId;
  let understood = false;
  try {
    const frame = parseFrame(data, isBinary, options.socketFrameBytes);
    id = frameIdOf(frame);
    const input = inputOf(frame);
    understood = true;
    if (input !== undefined) await dispatch(visit, { input, frame, id });
  } catch (thrown) {
    const error = asParleyError(thrown);
    if (error.code === 'internal') options.log.error({ err: thrown }, 'a frame could not be handled');
    if (understood) await send(visit, errorFrame(error, visit.language), id);
    else await sendMalformed(visit, error, id);
  }
}

function sendMalformed({ socket, language }: Visit, error: ParleyError, id: FrameId): Promise<void> | void {
  const data = malformedErrorOf(error, language === 'en');
  return sendFrame(socket, { type: 'error', ...(id !== undefined && { id }), data });
}
