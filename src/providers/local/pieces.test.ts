import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutToTokens, piecesOf } from './pieces.ts';

test('English comes word by word, Chinese by the words of the dictionary', () => {
  assert.deepEqual(piecesOf('Hello my  world\n'), ['Hello', ' my', '  world', '\n']);
  assert.deepEqual(piecesOf('我们支持 Parley'), ['我们', '支持', ' Parley']);
});

test('the pieces joined are the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => assert.equal(piecesOf(text).join(''), text)),
  );
});

test('a text is cut to the tokens allowed, between words where a word fits', () => {
  const words = (text: string) => text.split(' ').filter(Boolean).length;
  assert.equal(cutToTokens('one two three', 3, words), 'one two three');
  assert.equal(cutToTokens('one two three', 2, words), 'one two');
  const characters = (text: string) => text.length;
  assert.equal(cutToTokens('incomprehensible text', 4, characters), 'inco');
  assert.equal(cutToTokens('😀😀', 3, characters), '😀');
});
