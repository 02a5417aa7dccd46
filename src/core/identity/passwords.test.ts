import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as argon2 from '@node-rs/argon2';
import { createPasswords, type Argon2 } from './passwords.ts';

/** The real library, counting. */
function createCounted() {
  const counted = { verified: [] as string[], running: 0, most: 0 };
  const run = async <T>(work: Promise<T>): Promise<T> => {
    counted.most = Math.max(counted.most, ++counted.running);
    return work.finally(() => counted.running--);
  };
  const library: Argon2 = {
    hash: (password) => run(argon2.hash(password)),
    verify(hash, password) {
      counted.verified.push(hash);
      return run(argon2.verify(hash, password));
    },
  };
  return { ...createPasswords({ load: () => Promise.resolve(library) }), counted };
}

describe('passwords', () => {
  it('are hashed with argon2id and a salt, and known by their hash', async () => {
    const { hash, verify } = createPasswords();
    const hashed = await hash('correct horse');
    assert.match(hashed, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    assert.notEqual(await hash('correct horse'), hashed);
    assert.equal(await verify('correct horse', hashed), true);
    assert.equal(await verify('correct horsf', hashed), false);
    const long = `${'ü'.repeat(255)}x`;
    assert.equal(await verify(`${long.slice(0, 255)}y`, await hash(long)), false, 'all of it counts');
  });

  it('of nobody cost the same work: one hash of the same parameters', async () => {
    const { verify, hash, counted } = createCounted();
    const hashed = await hash('correct horse');
    assert.equal(await verify('wrong', hashed), false);
    assert.equal(await verify('wrong', undefined), false);
    const parameters = counted.verified.map((text) => text.split('$').slice(0, 4).join('$'));
    assert.equal(parameters.length, 2);
    assert.equal(parameters[0], parameters[1]);
  });

  it('of nobody are never right', async () => {
    const library = { hash: () => Promise.resolve(''), verify: () => Promise.resolve(true) };
    const { verify } = createPasswords({ load: () => Promise.resolve(library) });
    assert.deepEqual([await verify('x', 'hash'), await verify('x', undefined)], [true, false]);
  });

  it('are hashed two at a time, and no more than a hundred wait', async () => {
    const { hash, verify, counted } = createCounted();
    const hashed = await hash('correct horse');
    const many = await Promise.allSettled(
      Array.from({ length: 110 }, (_, i) => verify(i === 101 ? 'correct horse' : 'wrong', hashed)),
    );
    assert.equal(counted.most, 2);
    const refused = many.filter(({ status }) => status === 'rejected');
    assert.equal(refused.length, 8);
    for (const { reason } of refused as PromiseRejectedResult[]) assert.equal(reason.code, 'overloaded');
    assert.deepEqual(many[101], { status: 'fulfilled', value: true }, 'the last that waited');
  });
});
