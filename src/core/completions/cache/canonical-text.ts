import { foldCase } from './letter-case.ts';
import { withoutPoliteness } from './politeness.ts';
import { opener, questionZh, requestStartZh, taskStart, taskStartZh } from './question-words.ts';

/** A message in the one spelling that all its trivial rewordings share. */
export interface CanonicalText {
  /** Equal for two messages only where they ask the same. */
  content: string;
  /** Greetings, "please", thanks; empty where there are none. */
  fillers: string;
}

/** Longer messages are compared to the letter: they carry documents, and the work stays bounded. */
const maxLenientChars = 4_000;

/** The message asks about spelling, letters, bytes or typography: every character counts. */
const aboutCharacters =
  /\b(?:ascii|unicode|utf-?\d*|base-?\d+|md5|sha-?\d*|hash(?:es|ed)?|checksum|hex|encod\w*|decod\w*|encrypt\w*|decrypt\w*|cipher|rot13|regex\w*|(?:upper|lower|camel|title|snake|sentence)[- ]?case|capitali[sz]\w*|capital letters?|case[- ]?(?:in)?sensitive|punctuat\w*|grammar|spell\w*|typos?|proofread\w*|letters|(?:first|last|each|every|single) letter|characters?|palindrome|anagram|whitespace|spaces|commas?|apostrophes?|contractions?|quotes?|quotation marks?|abbreviat\w*|indent\w*|syntax|correct (?:this|the)|tokens?)\b|大写|小写|编码|解码|加密|解密|哈希|正则|标点|错别字|语法|拼写|字符|字母|全角|半角|空格|校对|病句|断句|逗号|句号|冒号|引号|标题|几个字|字数/iu;

const mask = '\uE000';
const quoted =
  /`[^`]*`|"[^"]*"|「[^」]*」|『[^』]*』|《[^》]*》|【[^】]*】|(?<![\p{L}\p{N}])'[^']+'(?![\p{L}\p{N}])/gu;

const han = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー、`;
/** Between two Chinese characters a space may stand for a comma, so it stays. */
const spaceBesideHan = new RegExp(`(?<=[${han}]) (?![${han}])|(?<![${han}]) (?=[${han}])`, 'gu');
const payloadStart = new RegExp(String.raw`\n|:(?=[\s"'${'`'}${han}]|$)|(?<=[${han}]):`, 'u');

/** The canonical form of `text`; see docs/similarity.md for what it levels and what it keeps. */
export function canonicalText(text: string): CanonicalText {
  if (text.length > maxLenientChars || text.includes(mask) || aboutCharacters.test(text)) {
    return { content: `${mask}${text}`, fillers: '' };
  }
  const even = evenOut(text);
  const split = even.search(payloadStart);
  if (split < 0) return canonicalHead(even, false);
  const head = canonicalHead(even.slice(0, split), true);
  const payload = even
    .slice(split)
    .replace(/^: *(?=\S)/u, ':')
    .trimEnd();
  return { content: `${head.content}${mask}${payload}`, fillers: head.fillers };
}

/** One width, one kind of quotation mark, apostrophe and line end. Not NFKC, which makes 2⁵ into 25. */
function evenOut(text: string): string {
  const clean = text.replaceAll('\r\n', '\n').trim();
  if (!/[\u0080-\uffff]/.test(clean)) return clean;
  return clean
    .normalize('NFC')
    .replace(/[\u200B\uFEFF\u00AD]/g, '')
    .replace(/[\uFF01-\uFF5E]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .replace(/[“”]/g, '"')
    .replace(/[‘’]/g, "'")
    .replaceAll('。', '.')
    .trim();
}

function canonicalHead(head: string, hasPayload: boolean): CanonicalText {
  const quotes: string[] = [];
  const masked = head.replace(quoted, (quote) => `${mask}${quotes.push(quote)}${mask}`);
  const folded = expandContractions(foldCase(tidySpaces(masked)));
  const { core, fillers } = withoutPoliteness(folded);
  const level = levelWording(hasPayload ? core.trim() : withoutOuterMarks(fronted(core)));
  const content = level.replace(/\uE000(\d+)\uE000/gu, (_, number: string) => quotes[Number(number) - 1]!);
  return { content, fillers };
}

function tidySpaces(text: string): string {
  return text
    .replace(/\s+/gu, ' ')
    .replace(spaceBesideHan, '')
    .replace(/ ?,(?! ?\d) ?/g, ',')
    .trim();
}

const contractions = new Map([
  ["can't", 'can not'],
  ['cannot', 'can not'],
  ["won't", 'will not'],
  ["shan't", 'shall not'],
  ["i'm", 'i am'],
  ["i'd like", 'i would like'],
  ['whats', 'what is'],
  ['dont', 'do not'],
  ['doesnt', 'does not'],
  ['didnt', 'did not'],
  ['isnt', 'is not'],
]);
const contraction =
  /\b(?:can't|cannot|won't|shan't|i'm|i'd like|whats|dont|doesnt|didnt|isnt|(?:is|are|was|were|do|does|did|has|have|had|could|would|should|must)n't|(?:you|we|they)'re|(?:i|you|we|they)'ve|(?:i|you|we|they|he|she|it)'ll|(?:what|who|where|when|how|that|there|here|it|he|she)'s)\b/gu;

/** The message may be about the short form itself. */
const aboutForms = /\b(?:difference|different|versus|vs|same|correct|right|proper|mean|means|word|say)\b/u;

function expandContractions(text: string): string {
  if (aboutForms.test(text) && /n't|not\b/u.test(text)) return text;
  return text.replace(contraction, (short) => contractions.get(short) ?? expandRegular(short));
}

function expandRegular(short: string): string {
  return short
    .replace(/n't$/, ' not')
    .replace(/'re$/, ' are')
    .replace(/'ve$/, ' have')
    .replace(/'ll$/, ' will')
    .replace(/'s$/, ' is');
}

const asks = new RegExp(`^${opener}|${questionZh}`, 'u');
const reportsZh = /知道|告诉|明白|记得/u;
const finalMarks = /(?<=[\p{L}\p{M}\p{N}\uE000)\]%+#'°€£¥])(?: ?\?|[!…;,]|(?<=\p{Script=Han})~|\.(?!\.))+$/u;

/** Drops marks around the text that change nothing; "5!", "cd .." and the question mark of a statement stay. */
function withoutOuterMarks(text: string): string {
  const body = text.replace(/^[,;、·…¿¡]+ */u, '');
  if (/(?:\d|\)|(?<![\p{L}\p{M}\p{N}])\p{Script=Latin})!+$/u.test(body)) return body;
  const marks = finalMarks.exec(body);
  if (marks === null) return body;
  const bare = body.slice(0, marks.index).trimEnd();
  const isQuestion = /\?/.test(marks[0]) && !(asks.test(bare) && !reportsZh.test(bare));
  return isQuestion ? `${bare} ?` : bare;
}

const howTo = new RegExp(`^how (?:do|can) i (?=${taskStart})`, 'u');
const howToZh = new RegExp(`(?:如何|怎样)(?=${taskStartZh})`, 'gu');
const askingZh = new RegExp(questionZh, 'u');
const requestZh = new RegExp(`^${requestStartZh}`, 'u');

/** "In Python, how …?" as "how … in Python?". */
function fronted(text: string): string {
  return text.replace(/^in (\p{L}+),((?:how|what|why|which) [^,.;?!]+)(\??)$/u, '$2 in $1$3');
}

/** Turns of phrase that ask the same whatever stands around them. */
function levelWording(text: string): string {
  let level = text.replace(howTo, 'how to ');
  if (!/\p{Script=Han}/u.test(level)) return level;
  level = level
    .replace(howToZh, '怎么')
    .replace(/(^|,)为何/u, '$1为什么')
    .replace(/(解释|说明|介绍|讲解|总结|概括|描述|比较|对比|分析|推荐)一下(?!子)/gu, '$1');
  if (askingZh.test(level))
    level = level.replace(/(?<!吗)呢$/u, (end) => (askingZh.test(level.slice(0, -1)) ? '' : end));
  if (requestZh.test(level)) level = level.replace(/吧$/u, '');
  return level.replace(/^什么是((?:(?!什么|是)[^,.;!?])+)$/u, '$1是什么');
}
