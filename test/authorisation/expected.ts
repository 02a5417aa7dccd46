import { callerNames, type CallerName } from '../support/callers.ts';

/** The status of the answer; of a socket the code it is closed with, or 101 where it stays open. */
export type Expected = Record<CallerName, number>;

/** The same by whose the object is that is asked for. A caller who can have none is refused before that is looked at. */
export interface ByOwner {
  own: Expected;
  others: Expected;
  missing: Expected;
}

export const notValid = { disabled: 401, demoted: 401, revoked: 401, expired: 401, forged: 401 };

/** Nobody is asked who they are, and what they show is not looked at. */
export const forAll = (status: number): Expected =>
  Object.fromEntries(callerNames.map((name) => [name, status])) as Expected;

export const whoMayComplete: Expected = {
  ...notValid,
  nobody: 200,
  user: 200,
  anotherUser: 200,
  agent: 200,
  administrator: 200,
  keyWithoutScope: 403,
  key: 200,
  adminKey: 200,
};

/** What belongs to all: on an open loopback nobody in particular may change it, but a person who is known needs the right. */
export const whoMayChange: Expected = { ...whoMayComplete, user: 403, anotherUser: 403, agent: 403 };

/** For people who are logged in. */
export const whoIsLoggedIn: Expected = {
  ...whoMayComplete,
  nobody: 401,
  keyWithoutScope: 403,
  key: 403,
  adminKey: 403,
};

/** For administrators who are logged in. */
export const whoAdministers: Expected = { ...whoIsLoggedIn, user: 403, anotherUser: 403, agent: 403 };

/** For agents and administrators who are logged in. */
export const whoAnswers: Expected = { ...whoIsLoggedIn, user: 403, anotherUser: 403 };

/** Nobody needs to be known, but what is shown must be valid. */
export const whoeverComes = (status: number): Expected => ({ ...forAll(status), ...notValid });

/** The same with another status for those who are let in. */
export const answered = (expected: Expected, status: number): Expected =>
  Object.fromEntries(
    Object.entries(expected).map(([name, each]) => [name, each === 200 ? status : each]),
  ) as Expected;

/** For people who are logged in, about something that is not there. */
export const whoHasNone: Expected = {
  ...whoIsLoggedIn,
  user: 404,
  anotherUser: 404,
  agent: 404,
  administrator: 404,
};

/** To each their own; what is another's is not there, for staff neither. */
export const toEachTheirOwn: ByOwner = { own: whoIsLoggedIn, others: whoHasNone, missing: whoHasNone };

export const overSockets = (expected: Expected): Expected =>
  Object.fromEntries(
    Object.entries(expected).map(([name, status]) => [name, overSocket(status)]),
  ) as Expected;

function overSocket(status: number): number {
  if (status === 200) return 101;
  return status === 404 ? 4404 : 4401;
}
