import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { createFakeRuntime } from '../runtime.fixture.ts';
import { createAccessTokens } from './access-tokens.ts';

const secret = 'a secret of sixteen characters and more';
const claims = { userId: 7, loginId: 12, contract: 'assistant' };
const hourMs = 3_600_000;

function createTested() {
  const runtime = createFakeRuntime();
  return { runtime, tokens: createAccessTokens({ secret, lifetimeMs: hourMs, runtime }) };
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string | undefined) =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>;

/** A token made without the library. */
function forge(header: object, payload: object, key = secret, digest = 'sha256'): string {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${createHmac(digest, key).update(signed).digest('base64url')}`;
}

describe('an access token', () => {
  it('says who, by which login, of which contract and until when', () => {
    const { tokens, runtime } = createTested();
    const token = tokens.issue(claims);
    const [header, payload] = token.split('.');
    const iat = runtime.time / 1000;
    assert.deepEqual(decode(header), { alg: 'HS256', typ: 'JWT' });
    assert.deepEqual(decode(payload), { sub: '7', sid: 12, con: 'assistant', iat, exp: iat + 3600 });
    assert.deepEqual(tokens.read(token), claims);
  });

  it('is HS256 over the text of the secret, so that others who have it can read it', () => {
    const { tokens, runtime } = createTested();
    const payload = { sub: '7', sid: 12, con: 'assistant', exp: runtime.time / 1000 + 60 };
    assert.deepEqual(tokens.read(forge({ alg: 'HS256', typ: 'JWT' }, payload)), claims);
  });

  it('expires to the second', () => {
    const { tokens, runtime } = createTested();
    const token = tokens.issue(claims);
    runtime.time += hourMs - 1;
    tokens.read(token);
    runtime.time += 1;
    assert.throws(() => tokens.read(token), { code: 'token_expired' });
  });

  it('that was forged or altered is refused, expired or not', () => {
    const { tokens, runtime } = createTested();
    const exp = runtime.time / 1000 + 60;
    const payload = { sub: '7', sid: 12, con: 'assistant', exp };
    const header = { alg: 'HS256', typ: 'JWT' };
    const [head, , signature] = tokens.issue(claims).split('.');
    const unsigned = `${encode({ alg: 'none', typ: 'JWT' })}.${encode(payload)}.`;
    const forged: Record<string, string> = {
      'another secret': forge(header, payload, `${secret}.`),
      'another secret, expired': forge(header, { ...payload, exp: 1 }, `${secret}.`),
      'alg none': unsigned,
      'alg none with a signature': `${unsigned}${signature}`,
      'alg None': `${encode({ alg: 'None' })}.${encode(payload)}.`,
      'another algorithm, right secret': forge({ alg: 'HS512', typ: 'JWT' }, payload, secret, 'sha512'),
      'an asymmetric algorithm, right secret': forge({ alg: 'RS256' }, payload),
      'altered claims': `${head}.${encode({ ...payload, sub: '1' })}.${signature}`,
      'no exp': forge(header, { sub: '7', sid: 12, con: 'assistant' }),
      'exp as text': forge(header, { ...payload, exp: 'never' }),
      'no login': forge(header, { sub: '7', con: 'assistant', exp }),
      'no contract': forge(header, { sub: '7', sid: 12, exp }),
      'no user': forge(header, { sid: 12, con: 'assistant', exp }),
      'a user that is no id': forge(header, { ...payload, sub: '7.5' }),
      'a login that is no id': forge(header, { ...payload, sid: '12' }),
      'no object': forge(header, [1]),
      nothing: '',
      'three dots': '...',
      'not JSON': 'a.b.c',
    };
    for (const [what, token] of Object.entries(forged)) {
      assert.throws(() => tokens.read(token), { name: 'ParleyError', code: 'token_invalid' }, what);
    }
  });
});
