import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { createRequestId } from './request-id.ts';

const requestId = createRequestId({ token: (bytes) => `of-${bytes}-bytes` });
const of = (header?: string | string[]) =>
  requestId({
    headers: header === undefined ? {} : { 'x-request-id': header },
  } as unknown as IncomingMessage);

describe('the request id', () => {
  for (const sent of ['a', 'req-1', '!~', 'x'.repeat(128), '"<>&\'']) {
    it(`is the client’s: ${sent.slice(0, 10)}`, () => assert.equal(of(sent), sent));
  }

  for (const [what, sent] of [
    ['there is none', undefined],
    ['it is empty', ''],
    ['it is too long', 'x'.repeat(129)],
    ['it holds a space', 'a b'],
    ['it holds a line break', 'a\nb'],
    ['it holds a control character', 'a\u007fb'],
    ['it is no ASCII', 'ä'],
    ['there are two, joined by Node', 'a, b'],
    ['there are two', ['a', 'b']],
  ] as const) {
    it(`is a new one where ${what}`, () => assert.equal(of(sent as string), 'req_of-12-bytes'));
  }
});
