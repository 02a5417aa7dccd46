import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RouteOptions } from 'fastify';
import type { Entry } from './authorisation/entry.ts';
import type { Expected } from './authorisation/expected.ts';
import { knock } from './authorisation/knock.ts';
import { matrix } from './authorisation/matrix.ts';
import { createSecrets } from './authorisation/secrets.ts';
import { logins, type LoginContract } from './support/accounts.ts';
import { callerNames, logInAnew, makeCallers, type CallerName, type Callers } from './support/callers.ts';
import { startParley, type Parley } from './support/parley.ts';
import { watchDoors, type SocketDoorSeen } from './support/routes.ts';

const contracts = Object.keys(logins) as LoginContract[];

/** Whoever shows a token, whichever contract's. */
const withToken: readonly CallerName[] = [
  'user',
  'administrator',
  'disabled',
  'revoked',
  'expired',
  'forged',
];

/** Who logged in through another contract is told something else here, or is somewhere else. */
const ofOneContract = new Set(['POST /api/v1/chat (companion)', 'WS /ws/chat (companion)']);

for (const mode of ['open', 'closed'] as const) {
  describe(`who may do what, the gateway ${mode}`, () => {
    let parley: Parley;
    let seen: string[];
    let seenSockets: SocketDoorSeen[];
    let callers: Record<LoginContract, Callers>;
    before(async () => {
      const env: Record<string, string> = mode === 'closed' ? { PARLEY_OPEN_GATEWAY: 'false' } : {};
      const watched = await watchDoors(() => startParley({ env }));
      parley = watched.started;
      const routes = watched.routes.flatMap(doorsOf);
      seenSockets = watched.sockets;
      seen = [...routes, ...seenSockets.map(nameOf)];
      callers = await makeCallers(parley);
    });
    after(() => parley.close());

    test('every route and socket has an entry', () => {
      // A HEAD is its GET without the body.
      const doors = new Set(seen.map((door) => door.replace(/^HEAD /u, 'GET ')));
      assert.ok(doors.size > 20, 'the doors were seen');
      assert.deepEqual(
        [...doors].filter((door) => matrix[door] === undefined),
        [],
        'say in the matrix who may come here',
      );
      assert.deepEqual(
        Object.keys(matrix).filter((door) => !doors.has(door)),
        [],
        'the matrix speaks of doors that are not there',
      );
    });

    test('every frame has an entry', () => {
      assert.ok(seenSockets.length > 2, 'the sockets were seen');
      for (const door of seenSockets) {
        const { frames: unnamed, sessionFrames } = matrix[nameOf(door)] ?? {};
        const frames = Object.keys({ ...unnamed, ...sessionFrames });
        assert.deepEqual(frames.toSorted(), [...door.frames].toSorted(), `the frames of ${nameOf(door)}`);
      }
    });

    test('every route that names something stored says whose it is', () => {
      for (const [door, { objects }] of Object.entries(matrix)) {
        const names = /:(?!model)\w*id\b/u.test(door) && objects === 'none';
        assert.ok(Array.isArray(objects) || (objects === 'none' && !names), `the objects of ${door}`);
      }
    });

    for (const [door, entry] of Object.entries(matrix)) {
      test(door, async () => {
        const shown = await shownAt(entry, entry.issuer ?? 'assistant');
        // What a GET is refused, its HEAD must not tell either.
        const ways = door.startsWith('GET ') ? [door, door.replace('GET', 'HEAD')] : [door];
        for (const way of ways) {
          const answers: Partial<Expected> = {};
          for (const name of callerNames) {
            const headers = { ...entry.headers, ...shown[name] };
            answers[name] = await statusOf(parley, way, entry, headers);
          }
          assert.deepEqual(answers, entry[mode], way);
        }
      });
    }

    // Who shows a token is the same to an open gateway and to a closed one.
    if (mode === 'closed') {
      test('a token is the same to every door, whichever contract’s login it is of', async () => {
        for (const [door, entry] of Object.entries(matrix)) {
          if (ofOneContract.has(door)) continue;
          for (const contract of contracts) {
            if (contract === (entry.issuer ?? 'assistant')) continue;
            const shown = await shownAt(entry, contract);
            for (const name of withToken) {
              const status = await statusOf(parley, door, entry, { ...entry.headers, ...shown[name] });
              assert.equal(status, entry[mode][name], `${door}: ${name}, by ${contract}`);
            }
          }
        }
      });
    }

    async function shownAt({ endsLogin }: Entry, contract: LoginContract): Promise<Callers> {
      const known = callers[contract];
      return endsLogin === true ? { ...known, ...(await logInAnew(parley, contract)) } : known;
    }

    test('nothing that callers showed is in the log', () => {
      const secrets = createSecrets();
      for (const known of Object.values(callers)) secrets.addCallers(known);
      secrets.assertNoneIn(parley.log());
    });
  });
}

/** A route's name in the matrix; one that is only for tokens of a contract is named after it. */
function doorsOf({ method, url, constraints }: RouteOptions): string[] {
  const issuer = (constraints as { issuer?: string } | undefined)?.issuer;
  return [method].flat().map((each) => `${each} ${url}${issuer === undefined ? '' : ` (${issuer})`}`);
}

const nameOf = ({ path, contract }: SocketDoorSeen) => `WS ${path} (${contract})`;

async function statusOf(
  parley: Parley,
  door: string,
  { at = door.split(' ')[1] ?? '', body }: Entry,
  headers: Record<string, string>,
): Promise<number> {
  return (await knock(parley, door, { at, ...(body !== undefined && { body: body() }) }, headers)).status;
}
