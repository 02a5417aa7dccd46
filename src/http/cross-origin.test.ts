import assert from 'node:assert/strict';
import test from 'node:test';
import { createOriginPolicy } from './cross-origin.ts';

const host = '127.0.0.1:8000';
const cases: [
  what: string,
  setting: string[] | null,
  open: boolean,
  origin: string | undefined,
  allowed: boolean,
][] = [
  ['no browser', null, true, undefined, true],
  ['the same host', null, true, 'http://127.0.0.1:8000', true],
  ['a page of this machine', null, true, 'http://localhost:5173', true],
  ['a page of this machine, IPv6', null, true, 'http://[::1]:3000', true],
  ['a website, open server', null, true, 'https://evil.example', false],
  ['a website that looks local', null, true, 'http://127.0.0.1.evil.example', false],
  ['a sandboxed page', null, true, 'null', false],
  ['a website, credentials needed', null, false, 'https://shop.example', true],
  ['a listed origin', ['https://shop.example'], true, 'https://shop.example', true],
  ['another than the listed', ['https://shop.example'], false, 'https://evil.example', false],
  ['all', ['*'], true, 'https://evil.example', true],
];

for (const [what, setting, open, origin, allowed] of cases) {
  test(`${what}: ${allowed ? 'allowed' : 'refused'}`, () => {
    assert.equal(createOriginPolicy(setting, open)(origin, host), allowed);
  });
}
