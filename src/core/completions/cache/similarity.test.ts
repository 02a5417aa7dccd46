import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { cosine } from './embedding.ts';
import { embedLexically } from './lexical-embedding.ts';
import { createSimilarIndex } from './similar-index.ts';
import { sameMeaning } from './similarity-guard.ts';

interface Pair {
  a: string;
  b: string;
  same: boolean;
  lang: 'en' | 'zh' | 'mixed';
  /** Says the same in other words, not only in another spelling. */
  paraphrase?: boolean;
}

const file = new URL('../../../../test/similarity/pairs.yaml', import.meta.url);
const pairs = parse(readFileSync(file, 'utf8')) as Pair[];
const defaultThreshold = 0.95;

function hits(a: string, b: string, threshold = defaultThreshold): boolean {
  const index = createSimilarIndex();
  index.add('group', 1, a, embedLexically(a));
  return index.find('group', b, embedLexically(b), threshold) !== null;
}

const recallOf = (sample: Pair[]) => sample.filter(({ a, b }) => hits(a, b)).length / sample.length;

describe('similarity over the pairs of test/similarity/pairs.yaml', () => {
  it('has enough pairs of each sort', () => {
    for (const same of [true, false]) {
      for (const lang of ['en', 'zh']) {
        const count = pairs.filter((pair) => pair.same === same && pair.lang === lang).length;
        assert.ok(count >= 60, `${count} pairs: ${lang}, same ${same}`);
      }
    }
    assert.equal(
      new Set(pairs.map(({ a, b }) => `${a}\n${b}`)).size,
      pairs.length,
      'a pair stands there twice',
    );
  });

  for (const { a, b } of pairs.filter((pair) => !pair.same)) {
    it(`keeps apart: ${JSON.stringify(a.slice(0, 60))} | ${JSON.stringify(b.slice(0, 60))}`, () => {
      assert.equal(hits(a, b, 0), false, 'hit by the lexical embedding, though no cosine is asked for');
      assert.equal(hits(b, a, 0), false);
      assert.equal(sameMeaning(a, b, 'dense'), false, 'a model that saw no difference would make this a hit');
    });
  }

  for (const lang of ['en', 'zh', 'mixed'] as const) {
    const same = pairs.filter((pair) => pair.same && pair.lang === lang);

    it(`finds every trivial rewording, and 70 % of all that means the same (${lang})`, () => {
      const missed = same.filter(({ a, b, paraphrase }) => !paraphrase && !(hits(a, b) && hits(b, a)));
      assert.deepEqual(missed, []);
      assert.ok(recallOf(same) >= 0.7, recallOf(same).toFixed(3));
    });
  }

  it('needs the guard: by the cosine alone, near-misses would hit', () => {
    const wrong = pairs.filter(
      ({ a, b, same }) => !same && cosine(embedLexically(a), embedLexically(b)) >= defaultThreshold,
    );
    assert.ok(wrong.length > 0);
  });
});

const words =
  `server invoice garden keyboard river window coffee mountain printer battery enable disable increase decrease
with without before after not never always can cannot all any 7 70 0.7 seven alice bob from to left right red blue`
    .split(/\s+/u)
    .filter((word) => word !== '');
const chineseWords =
  `服务器 发票 花园 键盘 河流 窗户 咖啡 山脉 打印机 电池 打开 关闭 增加 减少 有 没有 之前 之后 不 从来 总是 能 所有 任何 七 七十 0.7
小明 小红 从 到 左 右 红色 蓝色`.split(/\s+/u);

const sentence = (vocabulary: string[], join: string, frames: string[]) =>
  fc
    .record({
      frame: fc.constantFrom(...frames),
      words: fc.array(fc.constantFrom(...vocabulary), { minLength: 2, maxLength: 45 }),
    })
    .map(({ frame, words }) => ({ frame, words, text: frame.replace('%', words.join(join)) }));

const english = sentence(words, ' ', [
  '%',
  'Please explain %.',
  'How do I reset % ?',
  'Hi, what is %? Thanks!',
  'List %',
]);
const chinese = sentence(chineseWords, '', [
  '%',
  '请介绍一下%。',
  '如何删除%？',
  '你好，什么是%？谢谢！',
  '推荐%',
]);

describe('similarity of generated sentences', () => {
  for (const [name, arbitrary, vocabulary, join] of [
    ['English', english, words, ' '],
    ['Chinese', chinese, chineseWords, ''],
  ] as const) {
    it(`never takes a sentence for one with another word (${name})`, () => {
      fc.assert(
        fc.property(arbitrary, fc.nat(), fc.constantFrom(...vocabulary), (made, at, other) => {
          const changed = made.words.with(at % made.words.length, other);
          fc.pre(changed.join(join) !== made.words.join(join));
          assert.equal(differs(made.text, made.frame.replace('%', changed.join(join))), true);
        }),
      );
    });

    it(`never takes a sentence for one with two words exchanged, one dropped or one doubled (${name})`, () => {
      fc.assert(
        fc.property(arbitrary, fc.nat(), fc.nat(), (made, i, j) => {
          const { words: list, frame, text } = made;
          const at = i % list.length;
          const to = j % list.length;
          const variants = [
            list.with(at, list[to]!).with(to, list[at]!),
            list.toSpliced(at, 1),
            list.toSpliced(at, 0, list[at]!),
          ];
          for (const variant of variants.filter((variant) => variant.join(join) !== list.join(join))) {
            assert.equal(differs(text, frame.replace('%', variant.join(join))), true);
          }
        }),
      );
    });
  }

  it('always finds a sentence in other case, spacing and outer marks', () => {
    const dress = fc.record({
      upper: fc.boolean(),
      before: fc.constantFrom('', ' ', '  \n'),
      after: fc.constantFrom('', '.', '!', '。', '  ', '...'.slice(0, 1), '\n'),
      gap: fc.constantFrom(' ', '  ', '\t'),
    });
    const plain = english.filter(({ frame, words }) => frame !== '%' && /[a-z]$/.test(words.at(-1)!));
    fc.assert(
      fc.property(plain, dress, (made, { upper, before, after, gap }) => {
        const bare = made.text.replace(/[ .?]+$/u, '');
        const dressed = `${before}${upper ? bare.toUpperCase() : bare.toLowerCase()}${after}`.replaceAll(
          ' ',
          gap,
        );
        assert.ok(hits(made.text.replace(/ \?$/u, ''), dressed), `${made.text} | ${dressed}`);
      }),
    );
  });

  it('always finds a Chinese sentence in other widths, spacing and outer marks', () => {
    const plain = chinese.filter(({ frame, words }) => frame !== '%' && !/\d$/.test(words.at(-1)!));
    fc.assert(
      fc.property(plain, fc.constantFrom('', ' ', '。', '！', '  '), fc.boolean(), (made, after, wide) => {
        const bare = made.text.replace(/[。？]$/u, '');
        const dressed = wide
          ? bare.replace(/[0-9.]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0))
          : bare;
        assert.ok(
          hits(made.text, `${after.trim() === '' ? after : ''}${dressed}${after}`),
          `${made.text} | ${dressed}`,
        );
      }),
    );
  });

  it('makes one key for one text, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        assert.equal(sameMeaning(text, text, 'sparse'), true);
        const embedding = embedLexically(text);
        const self = cosine(embedding, embedding);
        assert.ok(embedding.kind === 'sparse' && (embedding.ids.length === 0 ? self === 0 : self > 0.999_99));
      }),
    );
  });
});

/** Apart for either kind of embedding, at any cosine. */
function differs(a: string, b: string): boolean {
  return !hits(a, b, 0) && !sameMeaning(a, b, 'dense');
}
