import { ParleyError } from '../../core/errors.ts';
import { agentNameOf } from '../../core/identity/account.ts';
import { isStaff, type UserCaller } from '../../core/identity/caller.ts';
import { refuseSocket } from '../../http/sockets.ts';
import { requireUser } from '../../http/user-access.ts';
import { keyOf, partyOf, type Party } from './party.ts';
import { cursorFrom, cursorText, type Cursor } from './socket-cursor.ts';
import { authFrame, errorFrame } from './socket-frames.ts';
import { watchSession } from './socket-following.ts';
import type { Input } from './socket-input.ts';
import { closeScreen, createScreen, cursorOf, openScreen, type Screen } from './socket-screen.ts';
import type { Seat } from './socket-staff.ts';
import { callerOf, isOpen, send, type FrameId, type Visit } from './socket-visit.ts';

/** What somebody shows at the door: in the address, or in an `auth` frame. */
export interface Shown {
  apiKey?: string | undefined;
  token: string | undefined;
  sessionId: string | undefined;
  cursor: string | undefined;
}

/** Sessions that a customer's socket shows at once, at most; the one that was named longest ago makes room. */
const mostScreens = 8;

/** An `auth` frame. A token that is not valid ends the socket. */
export async function authenticate(
  visit: Visit,
  { token, sessionId, cursor }: Extract<Input, { type: 'auth' }>,
  id: FrameId,
): Promise<void> {
  try {
    await enter(visit, { token, sessionId, cursor }, id);
  } catch (thrown) {
    if (!isBadToken(thrown)) throw thrown;
    refuseSocket(visit.socket, thrown, errorFrame(thrown, visit.language));
  }
}

function isBadToken(thrown: unknown): thrown is ParleyError {
  return thrown instanceof ParleyError && /^(token_|unauthorized)/u.test(thrown.code);
}

/** Lets somebody in as far as what is shown goes, and says so. Throws `not_found` for a session that is not the caller's. */
export async function enter(visit: Visit, shown: Shown, id: FrameId): Promise<void> {
  const { options } = visit.door;
  if (shown.token !== undefined || shown.apiKey !== undefined) {
    const { apiKey, token: bearer } = shown;
    const caller = requireUser(await options.authenticator.identify({ apiKey, bearer }, visit.ip));
    if (!(await become(visit, caller))) return;
  }
  const party =
    shown.sessionId === undefined ? undefined : await partyOf(options.core, callerOf(visit), shown.sessionId);
  const { caller } = visit;
  const account = caller === null ? undefined : await options.core.accounts.get(caller.userId);
  const cursor = cursorFrom(shown.cursor) ?? { after: await options.core.feed.head() };
  if (!isOpen(visit)) return;
  await send(visit, authFrame(account, shown.sessionId), id, cursorText(toldSoFar(visit, party) ?? cursor));
  if (caller !== null && isStaff(caller) && visit.seat === null) {
    const name = account === undefined ? '' : agentNameOf(account);
    await visit.door.desk.sit(visit, caller, name, cursor);
  }
  if (party !== undefined) await show(visit, party, cursor);
}

/** Of one who is here already: what was not told yet is not to be left out when this client comes back. */
function toldSoFar({ seat, screens }: Visit, party: Party | undefined): Cursor | undefined {
  if (seat !== null) return seat.position;
  const screen = screens.find(({ conversationId }) => conversationId === party?.conversation.id);
  return screen && cursorOf(screen);
}

/** False where the socket was refused. */
async function become(visit: Visit, caller: UserCaller): Promise<boolean> {
  const { options, userDoors } = visit.door;
  if (visit.caller === null) {
    if (!(await options.userSockets.admit(visit.socket, caller, userDoors[visit.language]))) return false;
    visit.caller = caller;
  } else if (visit.caller.userId !== caller.userId) {
    throw new ParleyError('forbidden', 'This connection is somebody else’s already. Open another one.');
  }
  return true;
}

/** Where a session that a frame names is shown, from now on at the latest. */
export type SessionPlace = { screen: Screen } | { seat: Seat; conversationId: number; key: string };

/** Throws `not_found` for a session that is not the caller's. */
export async function joinSession(visit: Visit, sessionId: string): Promise<SessionPlace> {
  const named = keyOf(sessionId);
  const screen = visit.screens.find(({ key }) => key === named);
  if (screen !== undefined) return { screen };
  const { seat, door } = visit;
  const watched = seat?.sessions.find(({ key }) => key === named);
  if (seat !== null && watched !== undefined) return { seat, ...watched };
  const { core } = door.options;
  const party = await partyOf(core, callerOf(visit), sessionId);
  return show(visit, party, { after: await core.feed.head() });
}

async function show(visit: Visit, party: Party, cursor: Cursor): Promise<SessionPlace> {
  const { id: conversationId, key, channel } = party.conversation;
  if (party.kind === 'customer') {
    return {
      screen: await showToCustomer(visit, { as: party.caller, conversationId, key, channel }, cursor),
    };
  }
  const { seat } = visit;
  if (seat === null) throw new ParleyError('forbidden', 'Agents log in before they answer.');
  watchSession(seat, { conversationId, key });
  return { seat, conversationId, key };
}

async function showToCustomer(
  visit: Visit,
  session: Parameters<typeof createScreen>[1],
  cursor: Cursor,
): Promise<Screen> {
  const known = visit.screens.find(({ conversationId }) => conversationId === session.conversationId);
  if (known !== undefined) return known;
  const screen = createScreen(visit, session);
  const all = [...visit.screens, screen];
  for (const each of all.slice(0, -mostScreens)) closeScreen(each);
  visit.screens = all.slice(-mostScreens);
  await openScreen(screen, cursor);
  return screen;
}
