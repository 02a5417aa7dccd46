import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Claim } from '../storage/idempotency-keys.ts';
import { openStorage } from '../storage/storage.ts';
import { temporaryFolder } from '../storage/temporary-folder.fixture.ts';
import { ParleyError } from './errors.ts';
import { createIdempotency } from './idempotency.ts';
import { createFakeRuntime } from './runtime.fixture.ts';

const once = { key: 'k', fingerprint: 'f' };
const dayMs = 86_400_000;

/** Writes that store nothing but their claim. */
async function createTested(t: TestContext) {
  const { idempotencyKeys: keys, close } = await openStorage({ path: join(temporaryFolder(t), 'parley.db') });
  t.after(close);
  const runtime = createFakeRuntime();
  const idempotency = createIdempotency({ keys, runtime });
  let writes = 0;
  const write = async (claim: Claim | undefined) => {
    await new Promise(setImmediate);
    if (claim !== undefined) await keys.put(claim, runtime.now());
    return `write ${++writes}`;
  };
  const again = (result: unknown) => Promise.resolve(`again ${JSON.stringify(result)}`);
  const send = (sent: typeof once | undefined = once, owner = 'user:1') =>
    idempotency.once(owner, sent, { id: 7 }, write, again);
  return { keys, runtime, idempotency, send, written: () => writes };
}

describe('a write that comes more than once', () => {
  it('happens once; a repeat is led to what it made', async (t) => {
    const { send } = await createTested(t);
    assert.equal(await send(), 'write 1');
    assert.equal(await send(), 'again {"id":7}');
  });

  it('happens once where all come at once', async (t) => {
    const { send, written } = await createTested(t);
    const answers = await Promise.all(Array.from({ length: 20 }, () => send()));
    assert.equal(written(), 1);
    assert.equal(answers.filter((answer) => answer === 'again {"id":7}').length, 19);
  });

  it('is refused where the key stands for something else', async (t) => {
    const { send, written } = await createTested(t);
    await send();
    await assert.rejects(send({ ...once, fingerprint: 'other' }), {
      code: 'invalid_request',
      field: 'Idempotency-Key',
    });
    assert.equal(written(), 1);
  });

  it('happens each time without a key, with another key, and for another owner', async (t) => {
    const { idempotency, send, written } = await createTested(t);
    await send();
    await send({ ...once, key: 'k2' });
    await send(once, 'user:11');
    const write = () => Promise.resolve('written');
    for (const _ of [1, 2]) {
      assert.equal(await idempotency.once('user:1', undefined, null, write, () => write()), 'written');
    }
    assert.equal(written(), 3);
  });

  it('happens again after 24 hours, whether or not the key was tidied away', async (t) => {
    const { runtime, idempotency, keys, send } = await createTested(t);
    await send();
    runtime.time += dayMs - 1;
    await idempotency.removeExpired();
    assert.equal(await send(), 'again {"id":7}');
    runtime.time += 1;
    assert.equal(await send(), 'write 2');
    runtime.time += dayMs + 1;
    await idempotency.removeExpired();
    assert.equal(await keys.find('user:1', 'k', 0), undefined);
  });

  it('is found where the same write, sent twice at once, is refused for what the other has done', async (t) => {
    const { keys, runtime, idempotency } = await createTested(t);
    const done = Promise.withResolvers<void>();
    let there = true;
    const quicker = async (claim: Claim | undefined) => {
      if (claim !== undefined) await keys.put(claim, runtime.now());
      there = false;
      done.resolve();
      return 'removed';
    };
    const slower = async () => {
      await done.promise;
      if (there) return 'removed twice';
      throw new ParleyError('not_found', 'There is no such thing.');
    };
    const again = () => Promise.resolve('removed before');
    const sendWith = (write: typeof quicker) => idempotency.once('user:1', once, null, write, again);
    assert.deepEqual(await Promise.all([sendWith(slower), sendWith(quicker)]), ['removed before', 'removed']);
    await assert.rejects(idempotency.once('user:1', { ...once, key: 'k2' }, null, slower, again), {
      code: 'not_found',
    });
  });

  it('that fails leaves its key free', async (t) => {
    const { idempotency, send } = await createTested(t);
    const failing = idempotency.once(
      'user:1',
      once,
      null,
      () => Promise.reject(new Error('disk full')),
      () => Promise.resolve(),
    );
    await assert.rejects(failing, /disk full/u);
    assert.equal(await send(), 'write 1');
  });
});
