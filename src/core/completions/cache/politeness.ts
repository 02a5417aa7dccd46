import { opener, questionStart, questionZh, requestStart, requestStartZh } from './question-words.ts';

/** A message without its polite frame. */
export interface Plain {
  core: string;
  /** What was taken away, for a faint trace in the embedding. */
  fillers: string;
}

const aboutWords =
  /\b(?:say|said|word|words|phrase|mean|means|meaning|synonyms?|pronounce|sentence|message|prompt|rewrite|rephrase|polite|politely|formal|lyrics|song|sang|sing|title|movie|film|greeting|reply)\b|怎么说|意思|读音|拼音|发音|词|句|礼貌|敬语|客气|语气|歌|电影|剧|回复|改写|润色/u;

const politeWords =
  /\b(?:please|pls|kindly|thanks|thank you|thx|hi|hello|hey)\b|请问|谢谢|多谢|感谢|你好|您好|麻烦/u;

const greeting = '(?:hi|hello|hey|good (?:morning|afternoon|evening))(?: there)?';

/** Each is dropped from the start only before what it says, so that "Hey Jude", 请假 and 你好像 stay whole. */
const leading = [
  `${greeting}[,.!]+ ?(?=${opener}|please |kindly |请|麻烦|想)`,
  `${greeting} (?=(?:can|could|would) you |please |(?:what|how|why|when|where|who) |i (?:want|need|am) |请)`,
  `(?:please|pls|kindly)[ ,]+(?=(?:what|how|why|when|where|who|which)\\b|${requestStart})`,
  `(?:can|could|would|will) you (?:please|kindly) (?=${requestStart})`,
  `(?:can|could|would) you (?=(?:explain|describe|compare|summari[sz]e|define|list|(?:give|show|tell) me)\\b)`,
  `(?:tell me|i (?:want|would like) to know) (?=${questionStart})`,
  `(?:你好|您好|哈喽|嗨)[啊呀]?[,.!~]+(?=${opener}|请|麻烦|想)`,
  `(?:你好|您好)(?=请|麻烦您|想请问)`,
  `请问(?:一下)?(?!候|老师|医生|专家|大家|各位|先生|[他她]),?`,
  `我?想请问(?:一下)?,?`,
  `我?想(?:问(?:一下)?|知道),?(?=${questionZh})`,
  `麻烦[你您]?(?:一下)?,?(?=${requestStartZh})`,
  `请[你您]?(?=${requestStartZh})`,
  `帮我(?=写|解释|介绍|总结|列|翻译|生成|分析|推荐|比较)`,
].map((source) => new RegExp(`^${source}`, 'u'));

/** "Hi, could you please tell me …" has three. */
const maxLeading = 5;

const thanks =
  '(?:many thanks|thanks(?: a lot| in advance| so much)?|thank you(?: very much| so much)?|thx|(?:谢谢|多谢|感谢)[你您]?[了啦]?)';
const trailing = [new RegExp(`(?<=[,.!?;~]) ?${thanks}[ .!~]*$`, 'u'), /, ?(?:please|pls)[ .!?]*$/u];
const trailingPlease = new RegExp(`^(?:${requestStart}|${questionStart}).* (?:please|pls)[ .!?]*$`, 'u');

/**
 * `text` (case-folded, spaces collapsed) without greetings, "please", "could you" and thanks at its ends, in English and
 * Chinese. Nothing is taken from the middle, nor from a message that is about words or whose rest would still hold
 * such a word, nor everything.
 */
export function withoutPoliteness(text: string): Plain {
  if (isAboutWords(text)) return { core: text, fillers: '' };
  const core = withoutLeading(withoutTrailing(text));
  if (core === '' || core === text || politeWords.test(core)) return { core: text, fillers: '' };
  const start = text.indexOf(core);
  return { core, fillers: `${text.slice(0, start)} ${text.slice(start + core.length)}`.trim() };
}

/** Whether `text` (case-folded) asks about words or a work's name, so that any word in it may be meant as a word. */
export function isAboutWords(text: string): boolean {
  return aboutWords.test(text);
}

function withoutLeading(text: string): string {
  let rest = text;
  for (let before = '', round = 0; before !== rest && round < maxLeading; round++) {
    before = rest;
    for (const pattern of leading) rest = rest.replace(pattern, '');
  }
  return rest;
}

/** Before these a closing "thanks" may be what is asked for: "a letter that ends with, thanks". */
const expectsMore =
  /^[^\s\p{Script=Han}]*$|^\p{Script=Han}{1,2}$|\b(?:with|as|to|of|like|by|for|is|translate.*)$|翻译/u;

function withoutTrailing(text: string): string {
  const rest = withoutThanks(text);
  return expectsMore.test(rest.replace(/[ .,;!?~]+$/u, '')) ? text : rest;
}

function withoutThanks(text: string): string {
  let rest = text;
  for (const pattern of trailing) rest = rest.replace(pattern, '');
  return trailingPlease.test(rest) ? rest.replace(/ (?:please|pls)[ .!?]*$/u, '') : rest;
}
