const excuse =
  "(?:(?:i(?:'m| am) (?:really |very |so )?(?:sorry|afraid)|sorry|unfortunately|apologies|i apologi[sz]e|regrettably|hmm|well|oh|as an ai(?: [a-z]+){0,3})" +
  '(?: about that| for that| for the inconvenience)?(?: that)?,? ?(?:but |and )?)*';
const lacking =
  "(?:don't|do not|didn't|did not|doesn't|does not) (?:currently |actually |really |yet |seem to )*(?:know|have|contain|mention|include|cover|say|see|find|provide)";
const what =
  '(?:(?:any|enough|the|that|specific|more|further|relevant|sufficient|exact|up-to-date|such|an?|direct|details|about|particular|certain|kind of) )*';
const knowledge = '(?:information|details?|data|answers?|knowledge|anything|info|documentation|passages?)';
const unable =
  "(?:can't|cannot|can not|couldn't|could not|(?:'m|am|was|'re|are) (?:currently |not able|unable) ?(?:not able |unable )?to|wasn't able to|haven't been able to)";

const english: readonly RegExp[] = [
  // Not a way of asking back: "I don't know which order you mean."
  `i (?:really |honestly |simply |just )*(?:do not|don't) (?:really |actually )?know(?! (?:about you|if you|whether you|what you|which (?:one )?of|who you))(?= |$)(?! which)`,
  `i (?:do not|don't) (?:currently |actually |really )*have ${what}${knowledge}`,
  `i (?:do not|don't) have (?:direct |any )?access to `,
  `i (?:currently )?have no (?:idea|${what}${knowledge})`,
  `i ?(?:${unable}) (?:answer|find ${what}${knowledge})`,
  `i(?:'m| am) (?:not sure|unsure|not certain) (?:how to answer|of the answer|about (?:the answer|that|this)$|i (?:know|can answer|have))`,
  `(?:the |my |our |your |this )?(?:available |provided |given )*(?:knowledge base|context|documents?|documentation|information|sources?|articles?|passages?)(?: (?:i have|provided|available|given|that i have))* (?:${lacking})`,
  `(?:there is|there's|there are|i found|i see) (?:no|nothing|not any) (?:${what}${knowledge} )?(?:in|about|on|available)`,
  `no ${what}${knowledge} (?:is |are |was |were )?(?:available|found|about|on)`,
  `(?:that|this|it) (?:is|'s) (?:beyond|outside)(?: of)? (?:my knowledge|what i know)`,
].map((pattern) => new RegExp(`^${excuse}${pattern}`, 'u'));

const chinese =
  /^(?:非常|很|十分|真|真的)?(?:抱歉|对不起|不好意思|遗憾)?(?:的是)?(?:您好|你好|亲)?(?:但是?|不过|关于这个问题|对于这个问题|这个问题|这个|对此)?(?:我是ai(?:助手|客服)?)?(?:我们?|本助手)?(?:目前|暂时|现在|暂|也|还|真的|并|确实|实在|这里|这边|暂时还|对此)*(?:不(?:太|大)?(?:知道|清楚|了解)(?!您|你|是否|是不是|您的|哪)|无法(?:回答|解答|找到|查到|查询|访问|获取)|(?:没有|没能|没|未|未能)(?:找到|查到|查询到|检索到)|回答不(?:了|上来)|不(?:确定|知道)(?:如何|怎么)?(?:回答|答案)|找不到(?:相关|答案|有关)|没有(?:关于|有关|相关|足够|更多|任何|这方面|该)[^。]{0,30}(?:信息|资料|内容|答案|数据|知识)|知识库(?:中|里)?(?:没有|不包含|未包含|未找到))/u;
const chineseSource =
  /^(?:知识库|提供的资料|资料|文档|上下文|已知信息)(?:中|里|内)?(?:并|也|还)?(?:没有|未|不)(?:找到|包含|提到|涉及|相关|关于|有关|说明)?/u;

/** It comes early in an answer that has nothing else to say. */
const mostCharacters = 400;
const mostSentences = 3;

/** Whether an answer says that it is none, in English or Chinese: in the phrases of models, and of the built-in one. */
export function saysItDoesNotKnow(answer: string): boolean {
  const plain = answer.slice(0, mostCharacters).normalize('NFKC').toLowerCase().replace(/[’‘`]/gu, "'");
  const said = plain
    .split('\n')
    .filter((line) => !line.startsWith('>'))
    .join('\n');
  const sentences = said.split(/[.!?:;。！？：；\n]+/u).flatMap((sentence) => tidy(sentence) || []);
  return sentences.slice(0, mostSentences).some(isClueless);
}

function isClueless(sentence: string): boolean {
  if (english.some((pattern) => pattern.test(sentence))) return true;
  const words = sentence.replace(/[\s,，、]+/gu, '');
  return chinese.test(words) || chineseSource.test(words);
}

function tidy(sentence: string): string {
  return sentence
    .replace(/[*_#"“”]/gu, '')
    .replace(/\s+/gu, ' ')
    .trim();
}
