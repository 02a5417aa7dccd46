import assert from 'node:assert/strict';
import { it } from 'node:test';
import { redirectOf, Refusal } from './urls.ts';

const secure = new URL('https://shop.example/hooks/1');

it('a redirect leads from https to nothing less', () => {
  assert.equal(redirectOf('/other', secure, true).href, 'https://shop.example/other');
  assert.equal(redirectOf('//two.example/', secure, true).href, 'https://two.example/');
  for (const location of ['http://shop.example/', 'HTTP://shop.example/', 'ftp://shop.example/', 'data:,x']) {
    assert.throws(() => redirectOf(location, secure, true), Refusal);
  }
});

it('a redirect leads from http to http only where that is allowed', () => {
  const open = new URL('http://shop.example/');
  assert.equal(redirectOf('http://two.example/', open, true).href, 'http://two.example/');
  assert.equal(redirectOf('https://two.example/', open, true).href, 'https://two.example/');
  assert.throws(() => redirectOf('http://two.example/', open, false), Refusal);
});
