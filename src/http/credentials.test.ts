import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ApiKey } from '../core/identity/api-keys.ts';
import type { UserCaller } from '../core/identity/caller.ts';
import { ParleyError } from '../core/errors.ts';
import { createAuthenticator, credentialsOf, socketCredentialsOf } from './credentials.ts';

const none = { apiKey: undefined, bearer: undefined };

describe('a request’s credentials', () => {
  for (const [what, headers, expected] of [
    ['nothing', {}, none],
    ['a key', { 'x-api-key': 'pk_1' }, { ...none, apiKey: 'pk_1' }],
    ['an empty key', { 'x-api-key': '' }, none],
    ['a bearer', { authorization: 'Bearer pk_1' }, { ...none, bearer: 'pk_1' }],
    ['a bearer in lower case, with spaces', { authorization: 'bearer   pk_1 ' }, { ...none, bearer: 'pk_1' }],
    ['another scheme', { authorization: 'Basic dTpw' }, none],
    ['a scheme that only begins like it', { authorization: 'Bearerish pk_1' }, none],
    ['both', { 'x-api-key': 'pk_1', authorization: 'Bearer pk_2' }, { apiKey: 'pk_1', bearer: 'pk_2' }],
  ] as const) {
    it(what, () => assert.deepEqual(credentialsOf(headers), expected));
  }
});

describe('a socket’s credentials', () => {
  const header = { authorization: 'Bearer of-header' };
  const protocol = { 'sec-websocket-protocol': 'chat, bearer.of-protocol' };
  for (const [what, headers, query, expected] of [
    ['nothing', {}, '', none],
    ['the address', {}, 'token=of-query', { ...none, bearer: 'of-query' }],
    ['the header', header, '', { ...none, bearer: 'of-header' }],
    ['the subprotocol', protocol, '', { ...none, bearer: 'of-protocol' }],
    ['a token with dots', { 'sec-websocket-protocol': 'bearer.a.b.c' }, '', { ...none, bearer: 'a.b.c' }],
    ['other subprotocols', { 'sec-websocket-protocol': 'chat' }, '', none],
    [
      'the address before the header',
      { ...header, ...protocol },
      'token=of-query',
      { ...none, bearer: 'of-query' },
    ],
    ['the header before the subprotocol', { ...header, ...protocol }, '', { ...none, bearer: 'of-header' }],
    ['an escaped token', {}, 'token=a%2Bb', { ...none, bearer: 'a+b' }],
    ['an empty token, which is there', {}, 'token=', { ...none, bearer: '' }],
  ] as const) {
    it(what, () => assert.deepEqual(socketCredentialsOf(headers, new URLSearchParams(query)), expected));
  }
});

describe('the authenticator', () => {
  const known: ApiKey = {
    id: 7,
    name: 'laptop',
    prefix: 'pk_good',
    scopes: ['completions'],
    requestsPerMinute: 9,
    expiresAt: null,
    budget: null,
    createdAt: 0,
    revokedAt: null,
    lastUsedAt: null,
  };
  const verify = (secret: string) =>
    secret === 'pk_good'
      ? Promise.resolve(known)
      : Promise.reject(new ParleyError('unauthorized', 'The API key is not known.'));
  const ip = '192.0.2.1';
  const user: UserCaller = { kind: 'user', ip, userId: 3, loginId: 4, contract: 'assistant', role: 'user' };
  const accounts = {
    identify: (token: string) =>
      token === 'eyJhbGciOi.eyJzdWIi.Z29vZA'
        ? Promise.resolve(user)
        : Promise.reject(new ParleyError('token_invalid', 'The token is not valid.')),
  };
  const { identify } = createAuthenticator({ apiKeys: { verify }, accounts });
  const caller = { kind: 'key', ip, keyId: 7, scopes: new Set(['completions']), requestsPerMinute: 9 };
  const anonymous = { kind: 'anonymous', ip };

  it('takes a key from either header, the key’s own first', async () => {
    assert.deepEqual(await identify({ ...none, apiKey: 'pk_good' }, ip), caller);
    assert.deepEqual(await identify({ ...none, bearer: 'pk_good' }, ip), caller);
    assert.deepEqual(await identify({ apiKey: 'pk_good', bearer: 'pk_bad' }, ip), caller);
    await assert.rejects(identify({ apiKey: 'pk_bad', bearer: 'pk_good' }, ip), { code: 'unauthorized' });
  });

  it('takes a token of a login from either header', async () => {
    assert.deepEqual(await identify({ ...none, bearer: 'eyJhbGciOi.eyJzdWIi.Z29vZA' }, ip), user);
    assert.deepEqual(await identify({ ...none, apiKey: 'eyJhbGciOi.eyJzdWIi.Z29vZA' }, ip), user);
  });

  it('takes nobody for nobody', async () => {
    assert.deepEqual(await identify(none, ip), anonymous);
  });

  for (const bearer of ['pk_bad', 'sk-proj-abc', 'none', '', 'eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl']) {
    it(`refuses what is there and not valid: "${bearer}"`, async () => {
      const code = bearer === 'pk_bad' ? 'unauthorized' : 'token_invalid';
      await assert.rejects(identify({ ...none, bearer }, ip), { code });
    });
  }

  for (const [bearer, refused] of [
    ['sk-proj-abc', false],
    ['none', false],
    ['', false],
    ['pk_bad', true],
    ['eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl', true],
  ] as const) {
    it(`where it is lenient, ${refused ? 'refuses' : 'overlooks'} "${bearer}"`, async () => {
      const identified = identify({ ...none, bearer }, ip, { lenient: true });
      if (refused)
        await assert.rejects(identified, { code: bearer === 'pk_bad' ? 'unauthorized' : 'token_invalid' });
      else assert.deepEqual(await identified, anonymous);
    });
  }
});
