import { send } from '../support/gateway.ts';
import type { Parley } from '../support/parley.ts';
import { openSocket } from '../support/socket.ts';
import type { Sent } from './entry.ts';

export interface Answer {
  /** Of a socket the code it is closed with, 101 where it answers. */
  status: number;
  headers: Headers;
  /** Of a socket all that it said. */
  text: string;
}

type Place = Pick<Parley, 'url' | 'wsUrl'>;

/** What a door of the matrix says to who shows `headers`. */
export async function knock(
  place: Place,
  door: string,
  { at, body, headers }: Sent,
  shown: Record<string, string>,
): Promise<Answer> {
  const [method = ''] = door.split(' ');
  if (method === 'WS') return knockAtSocket(`${place.wsUrl}${at}`, shown, [], endOf(door));
  const response = await send(`${place.url}${at}`, method, body, { ...headers, ...shown });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** What is said last, and the type of the frame that answers it when everything else was answered. */
export interface End {
  say: { type: string };
  hear: string;
}

/** The helpdesk leaves out pings that come too often. */
export function endOf(door: string): End {
  return door.includes('(helpdesk)')
    ? { say: { type: 'auth' }, hear: 'auth' }
    : { say: { type: 'ping' }, hear: 'pong' };
}

/** Opens a socket, says `frames` at once, and hears it until it is closed, or has answered with a frame of `type` and to the end. */
export async function knockAtSocket(
  url: string,
  headers: Record<string, string>,
  frames: object[] = [],
  { say, hear }: End = endOf(''),
  type = hear,
): Promise<Answer> {
  const socket = await openSocket(url, { headers });
  for (const frame of [...frames, { ...say, id: 'knock' }]) socket.send(frame);
  const said: string[] = [];
  const answer = (status: number) => ({ status, headers: new Headers(), text: said.join('\n') });
  const closed = socket.closed.then(({ code }) => code);
  const waited = new Set([hear, type]);
  while (waited.size > 0) {
    const frame = await socket.next().catch((thrown: unknown) => {
      if (socket.socket.readyState === socket.socket.CLOSED) return undefined;
      throw new Error(`no ${[...waited].join()} after ${said.join('\n')}`, { cause: thrown });
    });
    if (frame === undefined) return answer(await closed);
    said.push(JSON.stringify(frame));
    if (frame.type !== hear || frame.id === 'knock') waited.delete(frame.type);
  }
  await socket.close();
  return answer(101);
}
