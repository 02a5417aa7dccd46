import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prefersEnglish } from './accept-language.ts';

describe('the language of a request', () => {
  for (const [header, english] of [
    [undefined, false],
    ['', false],
    ['zh-CN', false],
    ['en', true],
    ['EN-us', true],
    ['en-GB,zh;q=0.5', true],
    ['zh,en;q=0.9', false],
    ['fr', false],
    ['*', false],
    ['en;q=0', false],
    ['en;q=nonsense', false],
  ] as const) {
    test(`Accept-Language "${header}" ${english ? 'prefers' : 'does not prefer'} English`, () => {
      assert.equal(prefersEnglish(header), english);
    });
  }
});
