import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { titleOf } from './title.ts';

const family = '👩‍👩‍👧‍👦';
const words = 'one two three four five six seven eight nine ten eleven twelve thirteen';

describe('a title', () => {
  for (const [text, title] of [
    ['Hello', 'Hello'],
    ['  \n\n  How do   I\treset\u00a0it?  \nThanks', 'How do I reset it?'],
    [words, 'one two three four five six seven eight nine ten eleven…'],
    [`Where is my order? It was ${words}`, 'Where is my order?'],
    [`Hi. It was ${words}`, 'Hi. It was one two three four five six seven eight nine ten…'],
    ['Version 1.2.3 of it. Works', 'Version 1.2.3 of it. Works'],
    [`我的订单在哪里呢请告诉我？${'很'.repeat(80)}`, '我的订单在哪里呢请告诉我？'],
    ['很'.repeat(80), `${'很'.repeat(59)}…`],
    [family.repeat(61), `${family.repeat(59)}…`],
    [family.repeat(60), family.repeat(60)],
    ['a'.repeat(60), 'a'.repeat(60)],
    [`${'a'.repeat(40)}, ${'b'.repeat(40)}`, `${'a'.repeat(40)}…`],
    ['🎉', '🎉'],
    ['\u202eevil\u0007 text', 'evil text'],
    ['', 'New chat'],
    [' \n\t\u200b\u0000', 'New chat'],
  ] as const) {
    it(`of ${JSON.stringify(text.slice(0, 40))} is ${JSON.stringify(title.slice(0, 40))}`, () => {
      assert.equal(titleOf(text), title);
    });
  }

  it('takes no longer for a message of megabytes', () => {
    assert.equal(titleOf(`${'a'.repeat(5_000_000)}\nb`), `${'a'.repeat(59)}…`);
  });

  it('is whole characters on one line, whatever the text is', () => {
    const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
    const unit = fc.oneof(
      fc.constantFrom(' ', '\n', '. ', '。', family, '🇩🇪', 'é', '\ud83d', '\u202e', 'word'),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 400 }), (units) => {
        const title = titleOf(units.join(''));
        const length = [...segmenter.segment(title)].length;
        assert.ok(length >= 1 && length <= 60, `${length} characters`);
        assert.ok(title.isWellFormed());
        assert.equal(title, title.trim());
        assert.doesNotMatch(title, /\p{Cc}|[\u2028\u2029]| {2}/u);
      }),
    );
  });
});
