import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openStorage } from '../src/storage/storage.ts';
import { registerPerson, type Person } from './support/assistant.ts';
import { eventually } from './support/eventually.ts';
import { launchParley, makeDataFolder, databaseIn, removeDataFolder } from './support/parley-process.ts';

const program = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const backups = 3;
const clients = 4;

/** What a client was told that is stored: its questions, in the order of their answers. */
interface Client {
  person: Person;
  answered: string[];
}

describe('a server that answers all the time', () => {
  const folder = makeDataFolder();
  after(() => removeDataFolder(folder));
  const path = databaseIn(folder);
  const fileOf = (number: number) => join(folder, `backup-${number}.db`);
  const parley = (...args: string[]) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      const env = { PATH: process.env['PATH'], PARLEY_DATA_DIR: join(folder, 'data') };
      execFile(process.execPath, [program, ...args], { env }, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), out, err });
      });
    });
  let server: ReturnType<typeof launchParley>;
  before(() => void (server = launchParley(folder)));
  after(async () => {
    server.signal('SIGKILL');
    await server.ended;
  });

  /** What each client had been told before each backup began. */
  const toldBefore: string[][] = [];
  const toldInAll: string[] = [];

  test('is backed up meanwhile: what it had answered is in the copy, and the copy is of one moment', async () => {
    const url = await server.url;
    const people: Client[] = await Promise.all(
      Array.from({ length: clients }, async (_, index) => ({
        person: await registerPerson({ url }, `client${index}`),
        answered: [],
      })),
    );
    const told = () => people.flatMap(({ answered }) => answered);
    let over = false;
    let slowestMs = 0;
    const talk = async ({ person, answered }: Client, index: number) => {
      for (let number = 0; !over; number++) {
        const message = `Question ${index}-${number}: what is Parley?`;
        const began = performance.now();
        const response = await person.open('POST', '/chat', { message });
        assert.equal(response.status, 200, await response.text());
        slowestMs = Math.max(slowestMs, performance.now() - began);
        answered.push(message);
      }
    };
    const talking = Promise.all(people.map(talk));
    for (let number = 0; number < backups; number++) {
      const known = told().length;
      await eventually(() => told().length >= known + 20 || undefined);
      toldBefore.push(told());
      const { code, err } = await parley('backup', fileOf(number));
      assert.equal(code, 0, err);
    }
    over = true;
    await talking;
    toldInAll.push(...told());
    assert.ok(slowestMs < 5_000, `an answer took ${slowestMs} ms`);
    for (let number = 0; number < backups; number++) {
      assert.equal((await parley('backup', '--verify', fileOf(number))).code, 0);
    }
  });

  test('has one database to itself, which cannot be replaced under it', async () => {
    const restored = await parley('restore', fileOf(0));
    assert.deepEqual([restored.code, restored.out], [1, '']);
    assert.match(restored.err, /^The database \S+ is in use by a server or a command: stop it first\n$/);
    const second = launchParley(folder);
    assert.deepEqual(await second.ended, { code: 1, signal: null });
    assert.match(second.stderr(), /^The database \S+ is in use by another server, or being restored: .*\n$/);
    assert.equal((await parley('keys', 'list')).code, 0);
  });

  test('is killed, and goes on with any of the backups', async () => {
    server.signal('SIGKILL');
    await server.ended;
    for (let number = 0; number < backups; number++) {
      const { code, err } = await parley('restore', fileOf(number));
      assert.equal(code, 0, err);
      const questions = await questionsIn(path);
      const missing = toldBefore[number]?.filter((message) => !questions.has(message));
      assert.deepEqual(missing, []);
      const invented = [...questions].filter((message) => !toldInAll.includes(message));
      assert.deepEqual(invented, []);
    }
    server = launchParley(folder);
    const url = await server.url;
    const later = await registerPerson({ url }, 'afterwards');
    assert.equal((await later.open('POST', '/chat', { message: 'What is Parley?' })).status, 200);
  });
});

/** The questions in the database, whose books must fit them. */
async function questionsIn(path: string): Promise<Set<string>> {
  const storage = await openStorage({ path });
  try {
    const calls = await storage.apiCalls.list({ limit: 1_000_000 });
    const [sums] = await storage.apiCalls.totals({});
    assert.equal(calls.length, sums?.calls);
    const questions = new Set<string>();
    for (const { conversationId } of calls) {
      if (conversationId === null) continue;
      const page = await storage.messages.listOf(conversationId, { skip: 0, limit: 1_000_000 });
      for (const { role, content } of page) if (role === 'user') questions.add(content);
    }
    return questions;
  } finally {
    await storage.close();
  }
}
