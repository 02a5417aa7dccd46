import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { ensureSecret } from './secret-file.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

const secret = 'a-secret-of-enough-characters';
const never = () => assert.fail('a secret was made');

describe('the secret file', () => {
  it('is made once, for its owner only, and nothing is left beside it', (test) => {
    const folder = join(temporaryFolder(test), 'data');
    const path = join(folder, 'secret');
    assert.equal(
      ensureSecret(path, () => secret),
      secret,
    );
    assert.equal(ensureSecret(path, never), secret);
    assert.deepEqual(
      [statSync(folder).mode & 0o777, statSync(path).mode & 0o777, readdirSync(folder)],
      [0o700, 0o600, ['secret']],
    );
  });

  it('that holds too little is refused, not replaced', (test) => {
    const path = join(temporaryFolder(test), 'secret');
    for (const text of ['', '  \n', 'short']) {
      writeFileSync(path, text);
      assert.throws(() => ensureSecret(path, never), {
        name: 'StorageError',
        code: 'unavailable',
        message: /fewer than 16 characters/,
      });
    }
  });

  it('that cannot be made says which file it is', (test) => {
    const file = join(temporaryFolder(test), 'file');
    writeFileSync(file, '');
    const path = join(file, 'secret');
    assert.throws(() => ensureSecret(path, () => secret), {
      code: 'unavailable',
      message: /file[/]secret cannot be/,
    });
  });

  it('is the same for all of several processes that start at once', async (test) => {
    const folder = temporaryFolder(test);
    const script = join(import.meta.dirname, 'secret-file.fixture.ts');
    for (let round = 0; round < 3; round++) {
      const path = join(folder, `secret-${round}`);
      const processes = Array.from({ length: 4 }, () =>
        promisify(execFile)(process.execPath, [script, path], { encoding: 'utf8' }),
      );
      const secrets = new Set((await Promise.all(processes)).map(({ stdout }) => stdout));
      assert.equal(secrets.size, 1);
    }
  });
});
