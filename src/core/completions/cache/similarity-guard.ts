import { canonicalText } from './canonical-text.ts';
import type { Embedding } from './embedding.ts';
import { isAboutWords } from './politeness.ts';
import { taskStart } from './question-words.ts';

/**
 * What `text` asks, as a string: two messages with the same key may share one answer, others must not, however near
 * their embeddings are. Where a lexical embedding ('sparse') proposes, only the spelling may differ: case, outer marks,
 * spaces, full width, contractions, politeness, a few fixed turns of phrase. A language model's embedding ('dense')
 * knows meanings, so a few more turns, articles after a verb and true synonyms may differ too.
 */
export function meaningKey(text: string, kind: Embedding['kind']): string {
  const { content } = canonicalText(text);
  return kind === 'sparse' || holdsLiterals.test(content) || isAboutWords(content)
    ? content
    : looser(content);
}

/** Whether an answer to `a` may be served for `b`: the veto over and above the cosine. */
export function sameMeaning(a: string, b: string, kind: Embedding['kind']): boolean {
  return meaningKey(a, kind) === meaningKey(b, kind);
}

/** Quotations, code and what follows a colon or line break is meant as it is written. */
const holdsLiterals = /[\uE000\n"`'「『《【]|difference|区别|不同/u;

const instructions = new RegExp(
  `^(?:how (?:do|can|could|would) (?:i|one)|what is the (?:way|process|procedure) (?:to|of|for)|` +
    `what are the steps (?:to|for)|(?:(?:show|tell) me|explain) how to|how to) (?=${taskStart})`,
  'u',
);
const objectVerb =
  '(?:reset|install|uninstall|export|import|download|upload|update|upgrade|enable|disable|restart|cancel|delete|remove|configure|deploy)';
const articleAfterVerb = new RegExp(
  `(?<=\\b${objectVerb} )(?:an?|the) (?!few\\b|little\\b|number\\b|lot\\b|couple\\b|bit\\b)(?=\\p{L}{3})`,
  'gu',
);

const synonyms = new Map([
  ['purchase', 'buy'],
  ['purchasing', 'buying'],
  ['repair', 'fix'],
  ['movie', 'film'],
  ['movies', 'films'],
  ['automobile', 'car'],
  ['television', 'tv'],
  ['telephone', 'phone'],
  ['summarise', 'summarize'],
  ['analyse', 'analyze'],
  ['计算机', '电脑'],
  ['何时', '什么时候'],
  ['哪儿', '哪里'],
  ['购买', '买'],
  ['修理', '维修'],
  ['迅速', '快速'],
  ['立即', '马上'],
]);
const synonym = new RegExp(`\\b(?:${wordsOf(/^[a-z]/)})\\b|(?:${wordsOf(/^\p{Script=Han}/u)})`, 'gu');

function wordsOf(script: RegExp): string {
  return [...synonyms.keys()].filter((word) => script.test(word)).join('|');
}

function looser(content: string): string {
  return content
    .replace(instructions, 'how to ')
    .replace(articleAfterVerb, '')
    .replace(synonym, (word) => synonyms.get(word)!);
}
