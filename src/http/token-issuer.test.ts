import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAccessTokens } from '../core/identity/access-tokens.ts';
import { createFakeRuntime } from '../core/runtime.fixture.ts';
import { issuerOf } from './token-issuer.ts';

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('the issuer of a token', () => {
  it('is the contract that its login was for', () => {
    const runtime = createFakeRuntime();
    const tokens = createAccessTokens({ secret: 'sixteen characters', lifetimeMs: 60_000, runtime });
    for (const contract of ['assistant', 'companion', '伙伴']) {
      assert.equal(issuerOf(tokens.issue({ userId: 7, loginId: 12, contract })), contract);
    }
  });

  it('is read without looking at the signature or the time', () => {
    assert.equal(issuerOf(`e30.${encode({ con: 'companion', exp: 1 })}.forged`), 'companion');
  });

  it('is unknown for whatever is no such token', () => {
    for (const bearer of [
      undefined,
      '',
      'pk_abc',
      '...',
      'a.b.c',
      `e30.${encode({ con: 'companion' })}`,
      `e30.${encode({ con: 7 })}.x`,
      `e30.${encode({})}.x`,
      `e30.${encode(null)}.x`,
      `e30.${encode('con')}.x`,
      `e30.${encode([{ con: 'companion' }])}.x`,
    ]) {
      assert.equal(issuerOf(bearer), undefined, bearer ?? 'none');
    }
  });
});
