import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { splitMarkdown } from './passages.ts';

const titles = (text: string) => splitMarkdown('a.md', text).map((passage) => passage.title);
const texts = (text: string) => splitMarkdown('a.md', text).map((passage) => passage.text);

test('sections become passages under the path of their headings', () => {
  const text = '# Guide\n\nIntro.\n\n## Install ##\n\nRun it.\n\n### Docker\n\nPull.\n\n## Use\n\nAsk.\n';
  assert.deepEqual(splitMarkdown('guide.md', text), [
    { id: 'guide.md#1', title: 'Guide', text: 'Intro.', source: 'guide.md' },
    { id: 'guide.md#2', title: 'Guide › Install', text: 'Run it.', source: 'guide.md' },
    { id: 'guide.md#3', title: 'Guide › Install › Docker', text: 'Pull.', source: 'guide.md' },
    { id: 'guide.md#4', title: 'Guide › Use', text: 'Ask.', source: 'guide.md' },
  ]);
});

test('underlined headings, front matter and Windows line ends are understood', () => {
  const text = '---\r\nlang: en\r\n---\r\nTitle\r\n=====\r\n\r\nOne.\r\n\r\nPart\r\n----\r\nTwo.';
  assert.deepEqual(titles(text), ['Title', 'Title › Part']);
  assert.deepEqual(texts(text), ['One.', 'Two.']);
});

test('a document without headings is titled by its file', () => {
  assert.deepEqual(titles('Just text.'), ['a']);
});

test('headings without text, and empty documents, give no passage', () => {
  assert.deepEqual(texts('# One\n\n## Two\n\n'), []);
  assert.deepEqual(texts(''), []);
});

test('a long section is cut between paragraphs', () => {
  const paragraph = `${'word '.repeat(100).trim()}.`;
  const pieces = texts(`# T\n\n${Array(6).fill(paragraph).join('\n\n')}`);
  assert.deepEqual(pieces, Array(3).fill(`${paragraph}\n\n${paragraph}`));
});

test('a paragraph that is too long is cut after a sentence, in Chinese too', () => {
  for (const sentence of ['This is a sentence of some length. ', '这是一个有一定长度的句子。']) {
    const pieces = texts(sentence.repeat(200));
    assert.ok(pieces.length > 1);
    for (const piece of pieces) assert.match(piece, /[.。]$/u);
    assert.equal(pieces.join('').replaceAll(' ', ''), sentence.repeat(200).replaceAll(' ', ''));
  }
});

test('a code block stays whole, its hashes are no headings', () => {
  const code = `\`\`\`sh\n# comment\n\n${'echo line\n'.repeat(200)}\`\`\``;
  assert.deepEqual(texts(`# T\n\nBefore.\n\n${code}\n\nAfter.`), ['Before.', code, 'After.']);
  assert.deepEqual(titles('# T\n~~~\n# no\n```\n~~~\n'), ['T']);
});

test('an unclosed code block reaches the end', () => {
  assert.deepEqual(texts('```\n# a\n\nb'), ['```\n# a\n\nb']);
});

test('no text is lost or cut inside a character, whatever the document', () => {
  const line = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.constantFrom('', '# x', '```', '---', '- a'),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
      for (const passage of splitMarkdown('a.md', lines.join('\n'))) {
        assert.notEqual(passage.text.trim(), '');
        assert.ok(passage.title !== '' && passage.text.length <= 6_000);
      }
    }),
  );
  const pieces = texts('😀'.repeat(2_000));
  assert.equal(pieces.join(''), '😀'.repeat(2_000));
  for (const piece of pieces) assert.ok(piece.isWellFormed());
});
