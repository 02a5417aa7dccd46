import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { eventually, within } from '../support/eventually.ts';
import { readBooks } from './books.ts';
import { checkBooks, checkOrder } from './check-books.ts';
import { checkDoors } from './check-doors.ts';
import { checkShownCalls } from './check-studio.ts';
import { checkShownTotal } from './check-sums.ts';
import { checkWatch } from './check-watches.ts';
import { clientNames, runClients } from './clients.ts';
import {
  killAgain,
  killAt,
  killAtStart,
  killKinds,
  planKills,
  type KillKind,
  type MortalWorld,
} from './kills.ts';
import { logInAdministrator, makePerson } from './login-client.ts';
import { isLetIn, look, lookAtTotal, type Seen } from './look.ts';
import { isAtRest } from './look-studio.ts';
import { createMoments } from './moments.ts';
import { createChance } from '../support/chance.ts';
import { createRecords } from './records.ts';
import { createMortalServer, type Life } from '../support/mortal-server.ts';
import { startSteadyVendor, type SteadyVendor, type VendorCall } from './vendor.ts';
import type { Person } from './world.ts';

const seed = Number(process.env['PARLEY_KILL_SEED'] ?? Date.now() % 2 ** 32);

describe('SIGKILL', () => {
  test('twenty times under traffic: nothing acknowledged is lost, nothing doubled, every call metered once', async (t) => {
    t.diagnostic(`PARLEY_KILL_SEED=${seed}`);
    const moments = createMoments();
    const vendor = await startSteadyVendor(moments);
    const server = createMortalServer(vendor.url);
    t.after(async () => {
      server.kill();
      await server.gone();
      await vendor.close();
      server.remove();
    });
    let running = true;
    const world: MortalWorld = {
      server,
      moments,
      records: createRecords(),
      chance: createChance(seed),
      isRunning: () => running,
    };
    launch(world);
    await server.listening();
    server.open();
    const people = await Promise.all(clientNames.map((name) => makePerson(world, name)));
    const busy = new Set<string>();
    const traffic = Promise.all(runClients(world, people, busy));
    traffic.catch(() => {});

    const hits = await killOverAndOver(t, world, vendor, people, traffic);

    await setTimeout(500);
    running = false;
    await unlessStuck(world, within(30_000, traffic), busy);
    const life = await server.life();
    await eventually(async () => ((await areAtRest(life, people)) ? true : undefined));
    const seen = await checkLife(world, people, life);
    assert.equal(seen.length, people.length);
    for (const watch of world.records.watches) {
      const own = seen.find(({ user }) => user === watch.user);
      assert.ok(own !== undefined);
      world.records.faults.push(...checkWatch(world.records, watch, own));
    }
    const service = await lookAtTotal(await server.life(), await logInAdministrator(world));
    await server.terminate();
    const books = await readBooks(server.database);
    world.records.faults.push(
      ...checkBooks(world.records, vendor.calls, books),
      ...seen.flatMap((own) => checkOrder(own, books)),
      ...seen.flatMap(({ user, total }) => checkShownTotal(user, total, books)),
      ...seen.flatMap((own) => (own.studio === undefined ? [] : checkShownCalls(own, own.studio, books))),
      ...checkShownTotal('the service', service, books),
    );
    assert.deepEqual([...world.records.faults, ...errorsIn(server.log())], []);
    t.diagnostic(summaryOf(world, vendor, hits));
    for (const kind of killKinds) assert.ok((hits.get(kind) ?? 0) > 0, `no kill was ${kind}`);
  });
});

/** Kills, starts again, looks through the doors, and only then lets the clients go on. */
async function killOverAndOver(
  t: TestContext,
  world: MortalWorld,
  vendor: SteadyVendor,
  people: Person[],
  traffic: Promise<unknown>,
): Promise<Map<KillKind, number>> {
  const { server, records } = world;
  const hits = new Map<KillKind, number>();
  const hit = (kind: KillKind) => hits.set(kind, (hits.get(kind) ?? 0) + 1);
  const plan = planKills(world.chance.branch('plan'));
  const failed = traffic.then(() => {
    throw new Error('the clients have stopped');
  });
  failed.catch(() => {});
  const chance = world.chance.branch('kills');
  for (let at = 0; at < plan.length; at++) {
    const kind = plan[at] as KillKind;
    if (kind === 'starting') {
      await killStarting({ ...world, chance });
      hit(kind);
    } else if (kind === 'again') {
      const isKilled = await unlessStuck(world, within(30_000, killAtSecondTry(world, people, vendor.calls)));
      hit(isKilled ? kind : 'random');
    } else {
      if (at > 0) await beginLife(world, people);
      await unlessStuck(world, Promise.race([killAt({ ...world, chance }, vendor.calls, kind), failed]));
      hit(kind);
    }
    await server.gone();
    t.diagnostic(`${at + 1} ${kind}: ${records.askings.length} questions, ${records.faults.length} faults`);
  }
  await beginLife(world, people);
  return hits;
}

/** Says who waits for what, where that does not come to pass. */
async function unlessStuck<T>(
  { records, server }: MortalWorld,
  promise: Promise<T>,
  busy: ReadonlySet<string> = new Set(),
): Promise<T> {
  try {
    return await promise;
  } catch (cause) {
    const open = records.askings.filter(({ outcome }) => outcome === undefined);
    const waiting = open.map(({ id, door, user, stored }) => ({ id, door, user, stored }));
    const { faults } = records;
    const told = JSON.stringify({ busy: [...busy], waiting, faults, errors: errorsIn(server.log()) });
    throw new Error(`${String(cause)} ${told}`, { cause });
  }
}

/** It may be quicker than the kill: then it is killed without having served anybody, and started again. */
async function killStarting(world: MortalWorld): Promise<void> {
  const { server } = world;
  for (let tries = 0; tries < 5; tries++) {
    launch(world);
    const callOff = killAtStart(world);
    const life = await server.listening();
    callOff();
    if (life === undefined) return;
    server.kill();
    await server.gone();
  }
  throw new Error('the server starts too quickly to be killed');
}

/** A life that goes on with what the one before it had only begun, and is killed at that, too. False where it had nothing to go on with. */
async function killAtSecondTry(world: MortalWorld, people: Person[], calls: VendorCall[]): Promise<boolean> {
  const { server } = world;
  const called = Promise.withResolvers<true>();
  const callOff = killAgain(world, calls, () => called.resolve(true));
  launch(world);
  const life = await server.listening();
  const isIdle = async () => (life !== undefined && (await areAtRest(life, people)) ? false : undefined);
  // Once it is killed, it says nothing of that any more.
  const isKilled = await Promise.race([called.promise, eventually(isIdle).catch(() => called.promise)]);
  callOff();
  if (!isKilled) server.kill();
  return isKilled;
}

async function areAtRest(life: Life, people: Person[]): Promise<boolean> {
  return (await Promise.all(people.map((person) => isAtRest(life, person)))).every(Boolean);
}

function launch({ server, records }: MortalWorld): void {
  records.launches.push(Date.now());
  server.launch();
}

async function beginLife(world: MortalWorld, people: Person[]): Promise<void> {
  launch(world);
  const life = await world.server.listening();
  assert.ok(life !== undefined);
  await checkLife(world, people, life);
  world.server.open();
}

/** Whoever has answers on their way, which this life makes again, is looked at later. */
async function checkLife({ records }: MortalWorld, people: Person[], life: Life): Promise<Seen[]> {
  const looks = people.map(async (person) =>
    (await isAtRest(life, person)) ? [await look(life, person)] : [],
  );
  const seen = (await Promise.all(looks)).flat();
  records.faults.push(...seen.flatMap((one) => checkDoors(records, one)));
  for (const { user, token, revoked } of records.logins) {
    const letIn = await isLetIn(life, token);
    if (letIn && revoked.acknowledged === true) records.faults.push(`${user} logged out, and is let in`);
    if (!letIn && revoked.asked === undefined) records.faults.push(`${user} logged in, and is not let in`);
  }
  return seen;
}

/** What the server itself calls a fault; answers that were cut off, and the vendor's refusals, are none of its own. */
function errorsIn(log: string[]): string[] {
  const excused = ['interrupted', 'provider_failed'];
  return log.filter((line) => {
    if (!line.startsWith('{')) return true;
    const { level, err } = JSON.parse(line) as { level: number; err?: { code?: string } };
    return level >= 50 && !excused.includes(err?.code ?? '');
  });
}

function summaryOf({ records }: MortalWorld, { calls }: SteadyVendor, hits: Map<KillKind, number>): string {
  const { askings, calls: stateless, sessions, watches } = records;
  return JSON.stringify({
    ...Object.fromEntries(hits),
    questions: askings.length,
    seen: askings.filter(({ seen }) => seen !== '').length,
    stateless: stateless.length,
    sessions: sessions.length,
    told: watches.reduce((sum, { told }) => sum + told.length, 0),
    vendor: calls.length,
  });
}
