import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openStorage } from './storage.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

/** Ids that a writing process acknowledged before it was killed at a random moment after the first `atLeast`. */
async function writeUntilKilled(path: string, atLeast: number): Promise<string[]> {
  const script = join(import.meta.dirname, 'durability.fixture.ts');
  const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  let doomed = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (doomed || output.split('\n').length <= atLeast) return;
    doomed = true;
    setTimeout(() => child.kill('SIGKILL'), Math.random() * 20);
  });
  await once(child, 'close');
  assert.equal(child.signalCode, 'SIGKILL', 'the process was killed, it did not end by itself');
  return output.split('\n').slice(0, -1);
}

describe('a killed process', () => {
  it('has lost nothing that it acknowledged, and no half of a unit', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    const acknowledged: string[] = [];
    for (let round = 0; round < 4; round++) {
      acknowledged.push(...(await writeUntilKilled(path, 100 + Math.random() * 2000)));
      const storage = await openStorage({ path });
      const calls = await storage.apiCalls.list({ limit: 1_000_000 });
      const [totals] = await storage.apiCalls.totals({});
      await storage.close();
      const stored = new Set(calls.map(({ requestId }) => requestId));
      const lost = acknowledged.filter((requestId) => !stored.has(requestId));
      assert.deepEqual(lost, []);
      assert.equal(totals?.calls, calls.length, 'rows and daily sums agree');
      assert.equal(stored.size, calls.length, 'nothing is stored twice');
    }
    assert.ok(acknowledged.length >= 400);
  });
});
