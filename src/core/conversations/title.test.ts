import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { invalidField } from '../errors.ts';
import { shownTitle, titleFor, titleFrom, titleOf } from './title.ts';

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
    ['', ''],
    [' \n\t\u200b\u0000', ''],
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
        assert.ok(length <= 60, `${length} characters`);
        assert.ok(title.isWellFormed());
        assert.equal(title, title.trim());
        assert.doesNotMatch(title, /\p{Cc}|[\u2028\u2029]| {2}/u);
      }),
    );
  });
});

describe('a conversation', () => {
  const text = (words: string) => ({ type: 'text', text: words }) as const;
  const image = { type: 'image', url: 'https://example.com/a.png' } as const;

  it('is named by the first message that says something in words, unless somebody has named it', () => {
    const unnamed = { title: '' };
    assert.equal(titleFor(unnamed, 'Why?'), 'Why?');
    assert.equal(titleFor(unnamed, ' \n'), undefined);
    assert.equal(titleFor({ title: 'Mine' }, 'Why?'), undefined);
    assert.equal(titleFor(unnamed, '[image: https://example.com/a.png]', [image]), undefined);
    assert.equal(
      titleFor(unnamed, '[image: …]\nWhat is this?', [image, text('What is this?')]),
      'What is this?',
    );
  });

  it('is shown as new as long as nobody has', () => {
    assert.deepEqual([shownTitle({ title: '' }), shownTitle({ title: 'Mine' })], ['New chat', 'Mine']);
  });

  it('takes a name of 1 to 200 characters on one line', () => {
    assert.equal(titleFrom(`  ${family} `), family);
    assert.equal(titleFrom('很'.repeat(200)), '很'.repeat(200));
    for (const wrong of ['', ' ', 'a\nb', '\u0007', '很'.repeat(201)]) {
      assert.throws(() => titleFrom(wrong), invalidField('title', { kind: 'line', min: 1, max: 200 }));
    }
  });
});
