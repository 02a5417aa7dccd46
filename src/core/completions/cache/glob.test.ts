import assert from 'node:assert/strict';
import test from 'node:test';
import { globTest } from './glob.ts';

const cases: [pattern: string, text: string, expected: boolean][] = [
  ['hello', 'Hello', true],
  ['hello', 'hello!', false],
  ['*weather*', 'What is the WEATHER like?', true],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['*', '', true],
  ['', '', true],
  ['', 'x', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['(x|y).*', '(x|y).z', true],
  ['你好*', '你好，世界', true],
];

for (const [pattern, text, expected] of cases) {
  test(`glob ${JSON.stringify(pattern)} ${expected ? 'matches' : 'does not match'} ${JSON.stringify(text)}`, () => {
    assert.equal(globTest(pattern)(text), expected);
  });
}

test('a hostile pattern is answered in bounded work', () => {
  assert.equal(globTest('*a'.repeat(100) + '*b')('a'.repeat(20_000)), false);
});
