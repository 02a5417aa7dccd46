import { issuerOf } from './token-issuer.ts';

/** Which sockets of a path come to a door. */
export interface DoorOptions {
  /** Only those whose token says that this contract issued it; the door without this gets all others. */
  issuedBy?: string;
}

/** Doors on paths, which may end in one parameter: `/ws/chat/:session_id`. */
export interface SocketDoors<Door> {
  add(path: string, door: Door, options?: DoorOptions): void;
  /** Who answers at `path` to one who shows `bearer`; undefined where nobody does. */
  find(path: string, bearer: string | undefined): FoundDoor<Door> | undefined;
}

export interface FoundDoor<Door> {
  door: Door;
  /** The path's parameter, decoded. */
  params: Readonly<Record<string, string>>;
}

interface Place<Door> {
  byIssuer: Map<string, Door>;
  /** Null where only tokens of certain contracts are wanted. */
  otherwise: Door | null;
  /** Null on a path without one. */
  param: string | null;
}

const noParams = Object.freeze({});

export function createSocketDoors<Door>(): SocketDoors<Door> {
  /** By path, or by what comes before the parameter: the two cannot be equal, as only the latter end in a slash. */
  const places = new Map<string, Place<Door>>();

  const placeAt = (path: string): Place<Door> => {
    const [, at = path, param = null] = /^(.*\/):(\w+)$/u.exec(path) ?? [];
    if (param === null && (path.includes(':') || path.endsWith('/'))) {
      throw new Error(`A door's path may have one parameter, at its end, and no slash there: ${path}`);
    }
    const place = places.get(at) ?? { byIssuer: new Map<string, Door>(), otherwise: null, param };
    if (place.param !== param) throw new Error(`Two doors name the parameter of ${at} differently.`);
    places.set(at, place);
    return place;
  };

  return {
    add(path, door, { issuedBy } = {}) {
      const place = placeAt(path);
      const isTaken = issuedBy === undefined ? place.otherwise !== null : place.byIssuer.has(issuedBy);
      if (isTaken) throw new Error(`There is a door at ${path} already.`);
      if (issuedBy === undefined) place.otherwise = door;
      else place.byIssuer.set(issuedBy, door);
    },
    find(path, bearer) {
      const fixed = places.get(path);
      if (fixed !== undefined && fixed.param === null) return chosen(fixed, bearer, noParams);
      const slash = path.lastIndexOf('/') + 1;
      const place = places.get(path.slice(0, slash));
      if (place === undefined || place.param === null) return undefined;
      const value = decoded(path.slice(slash));
      return value === '' ? undefined : chosen(place, bearer, { [place.param]: value });
    },
  };
}

function chosen<Door>(
  { byIssuer, otherwise }: Place<Door>,
  bearer: string | undefined,
  params: FoundDoor<Door>['params'],
): FoundDoor<Door> | undefined {
  const issuer = byIssuer.size === 0 ? undefined : issuerOf(bearer);
  const door = (issuer === undefined ? undefined : byIssuer.get(issuer)) ?? otherwise;
  return door === null ? undefined : { door, params };
}

/** Empty for what no browser would have encoded. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return '';
  }
}
