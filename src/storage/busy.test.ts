import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openStorage } from './storage.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

describe('a lock that another process holds', () => {
  it('delays writes until it is gone, and stops neither reads nor the event loop', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    const storage = await openStorage({ path });
    test.after(() => storage.close());
    await storage.settings.set('ours', 1, 0);
    const holder = spawn(process.execPath, [join(import.meta.dirname, 'busy.fixture.ts'), path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    test.after(() => holder.kill());
    await once(holder.stdout, 'data');

    let ticks = 0;
    const clock = setInterval(() => ticks++, 10);
    test.after(() => clearInterval(clock));
    const write = storage.settings.set('ours', 2, 0);
    assert.equal(await storage.settings.get('ours'), 1);
    holder.stdin.write('let go');
    await write;
    assert.equal(await storage.settings.get('theirs'), 1, 'the other process was waited for');
    assert.equal(await storage.settings.get('ours'), 2);
    assert.ok(ticks >= 5, `the event loop turned ${ticks} times meanwhile`);
  });
});
