import type { Answer } from '../../core/completions/provider.ts';
import type { Found, Knowledge } from '../../core/knowledge/knowledge.ts';
import { phrasesIn } from './phrases.ts';
import type { Phrases } from './phrases.ts';
import { languageOf } from './question.ts';
import type { Language, Question } from './question.ts';
import { smallTalkOf } from './small-talk.ts';

/** From this coverage on, a passage is taken for an answer. */
const sure = 0.7;
/** Below this coverage nothing is quoted at all: one known word beside an unknown one is no match. */
const faint = 0.51;
const maxPassages = 3;
const maxQuotedChars = 2_400;
/** Further passages are quoted only if they fit nearly as well as the best. */
const nearBest = 0.8;
/** A passage in another language than the question's is quoted only for lack of a better one. */
const foreignFactor = 0.6;

/** A whole answer. */
export interface Reply {
  /** Markdown. */
  text: string;
  /** Of what it quotes, with the numbers that the text gives it. */
  citations: NonNullable<Answer['citations']>;
}

/** The answer to a question: passages of the knowledge base, or plainly that there are none. */
export function replyTo(question: Question, knowledge: Knowledge, aboutParley: boolean): Reply {
  const phrases = phrasesIn(question.language, aboutParley);
  const paragraphs = question.attachments ? [phrases.blind] : [];
  const citations: Reply['citations'] = [];
  const talk = smallTalkOf(question.text);
  if (talk !== null || (question.text === '' && !question.attachments)) {
    const hello = talk === 'greeting' ? phrases.hello : '';
    paragraphs.push(hello + phrases.identity + phrases.invitation);
  } else if (question.text !== '') {
    const quoted = quotations(retrieve(question, knowledge), phrases);
    paragraphs.push(...quoted.paragraphs);
    citations.push(...quoted.citations);
  }
  return { text: paragraphs.filter((text) => text !== '').join('\n\n'), citations };
}

const followUpStart =
  /^(?:and|but|or|so|also|what about|how about|why|那么?|还有|然后|另外|为什么|怎么)(?![a-z])/iu;

function retrieve(question: Question, knowledge: Knowledge): Found[] {
  const alone = ranked(knowledge, question.text, question.language);
  if (question.previous === '' || (alone[0]?.coverage ?? 0) >= sure) return alone;
  const terms = knowledge.informativeTerms(question.text);
  if (terms === 0) return ranked(knowledge, question.previous, question.language);
  if (terms > 2 || !followUpStart.test(question.text)) return alone;
  return ranked(knowledge, `${question.text}\n${question.previous}`, question.language);
}

function ranked(knowledge: Knowledge, query: string, language: Language): Found[] {
  return knowledge
    .search(query, 4 * maxPassages)
    .map((found) =>
      languageOf(found.passage.text) === language ? found : { ...found, score: found.score * foreignFactor },
    )
    .sort((a, b) => b.score - a.score);
}

function quotations(found: Found[], phrases: Phrases) {
  const best = found[0];
  if (best === undefined || best.coverage < faint) {
    return { paragraphs: [phrases.unknown, phrases.advice], citations: [] };
  }
  const isSure = best.coverage >= sure;
  const chosen = isSure ? worthQuoting(found, best) : [best];
  const quoted = chosen.flatMap(({ passage, place }, index) => [
    phrases.sourceOf(passage.title, place.articleId === null ? passage.source : null, index + 1),
    passage.text.replace(/^/gm, '> '),
  ]);
  return {
    paragraphs: isSure ? [phrases.found, ...quoted] : [phrases.unsure, ...quoted, phrases.advice],
    citations: chosen.map(({ place }, index) => ({ number: index + 1, ...place })),
  };
}

function worthQuoting(found: Found[], best: Found): Found[] {
  const chosen: Found[] = [];
  let chars = 0;
  for (const one of found) {
    const fits = chosen.length === 0 || chars + one.passage.text.length <= maxQuotedChars;
    const isNew = !chosen.some((other) => other.passage.text === one.passage.text);
    if (one.score < nearBest * best.score || !fits || !isNew) continue;
    chosen.push(one);
    chars += one.passage.text.length;
    if (chosen.length === maxPassages) break;
  }
  return chosen;
}
