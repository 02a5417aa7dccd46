import assert from 'node:assert/strict';
import { it } from 'node:test';
import { secretOf, signatureHeaders } from './signature.ts';

it('a message is signed as the specification’s example', () => {
  const message = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    at: 1_614_265_330_000,
    body: '{"test": 2432232314}',
  };
  assert.deepEqual(signatureHeaders(message, ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']), {
    'webhook-id': message.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

it('a secret is its bytes in base64', () => {
  assert.equal(secretOf('_-8'), 'whsec_/+8=');
});
