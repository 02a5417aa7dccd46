import assert from 'node:assert/strict';
import { it } from 'node:test';
import fastify from 'fastify';
import { ParleyError } from '../core/errors.ts';
import type { Caller } from '../core/identity/caller.ts';
import type { Credentials } from './credentials.ts';
import { requestError } from './request-errors.ts';
import { admitUsers } from './user-access.ts';

const user: Caller = {
  kind: 'user',
  ip: '192.0.2.1',
  userId: 7,
  loginId: 12,
  contract: 'assistant',
  role: 'user',
};
const key: Caller = {
  kind: 'key',
  ip: '',
  keyId: 1,
  scopes: new Set(['completions']),
  requestsPerMinute: null,
};

it('only people come in, and who they are is known before the body is read', async (t) => {
  const asked: [Credentials, string][] = [];
  const callers: Record<string, Caller> = { user, pk_key: key, '': { kind: 'anonymous', ip: '' } };
  const app = fastify();
  t.after(() => app.close());
  app.setErrorHandler((thrown, _request, reply) => reply.code(400).send({ code: requestError(thrown).code }));
  app.addHook(
    'onRequest',
    admitUsers({
      clientAddress: () => '192.0.2.1',
      authenticator: {
        async identify(credentials, ip) {
          asked.push([credentials, ip]);
          const caller = callers[credentials.apiKey ?? credentials.bearer ?? ''];
          if (caller === undefined) throw new ParleyError('token_invalid', 'No.');
          return Promise.resolve(caller);
        },
      },
    }),
  );
  app.post('/', ({ caller }) => caller);
  const send = (headers: Record<string, string>, payload = '{}') =>
    app
      .inject({
        method: 'POST',
        url: '/',
        payload,
        headers: { 'content-type': 'application/json', ...headers },
      })
      .then((response) => response.json<unknown>());

  assert.deepEqual(await send({ authorization: 'Bearer user' }), user);
  assert.deepEqual(asked, [[{ apiKey: undefined, bearer: 'user' }, '192.0.2.1']]);
  assert.deepEqual(await send({}, '{'), { code: 'unauthorized' });
  assert.deepEqual(await send({ 'x-api-key': 'pk_key' }, '{'), { code: 'forbidden' });
  assert.deepEqual(await send({ authorization: 'Bearer forged' }, '{'), { code: 'token_invalid' });
});
