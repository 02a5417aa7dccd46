const article = '(?:an? |the |some |any |your |another |one of your )?';
const kind =
  '(?:(?:real|live|actual|human|proper|customer (?:service|support|care)|support|service|help ?desk) )*';
/** Not people as such: human rights, a person named Ada. */
const alone =
  '(?! (?:rights?|resources?|errors?|bod(?:y|ies)|beings? (?:are|is)|history|nature|named|called|overload\\w*|precedence)\\b)';
const somebody =
  '(?:person|human(?: being)?|agents?|representatives?|reps?|operators?|advis[eo]rs?|specialists?|staff(?: members?)?|employees?|' +
  'supervisors?|managers?|colleagues?|someone(?: real| human)?|somebody(?: real| human)?)';
const person = `${article}${kind}${somebody}\\b${alone}`;
/** What means a person without a verb that says so. */
const surely =
  '(?:(?:real|live|actual) (?:person|human(?: being)?|agent|representative|rep|operator|people)|(?:human|live) (?:agent|support|help|' +
  'assistance|assistant|operator|representative|rep|chat|service)|human(?: being)?|customer (?:service|support|care) (?:agent|rep|representative|' +
  'person|operator|staff)|support (?:agent|rep|representative|person)|service rep(?:resentative)?|representative|operator)\\b' +
  alone;
const department =
  '(?:the |your )?(?:customer (?:service|support|care)|support (?:team|staff)|service team|live (?:support|chat|agents?)|human support)\\b';
const bridging = '(?:connect|transfer|switch|escalate|forward|route|redirect|refer)(?:ed|red|ing|ring)?';

const englishPatterns: readonly RegExp[] = [
  `\\b(?:talk|speak|chat|${bridging}|put|pass|hand)(?: me| us| this| it)?(?: (?:through|over|directly|back|on))?` +
    ` (?:to|with) (?:${person}|${department})`,
  `\\b(?:want|need|like|prefer|get(?: me)?|give me|have|request|find me|send me|rather have|asking for|ask for|wants?) ${article}${surely}`,
  `\\b(?:person|human|someone|somebody|agent|representative|anyone|anybody) (?:that |who |whom )?(?:i|we) (?:can|could|may) (?:talk|speak|chat)`,
  `\\b(?:contact|reach|call) (?:${department}|${article}(?:live|human|real|support|customer service) (?:agent|person|representative|rep)\\b)`,
  `\\b(?:help|support|assistance|an? (?:answer|reply|response)) (?:from|by) ${article}${surely}`,
  `\\b(?:give|get|find|send) me (?:an? |some)?(?:person|agent|someone|somebody)\\b${alone}`,
  `\\b(?:want|need) an? ${kind}agent$`,
  `\\bget (?:someone|somebody) to (?:help|call|talk|speak)`,
  `\\b(?:can|could|may|would|will|let) (?:a|an|some|any) ${kind}${somebody} (?:please )?(?:help|call|contact|answer|take over|join)`,
  `\\b(?:is|are) there (?:a|an|any) (?:real|live|actual|human) ${somebody}`,
].map((pattern) => new RegExp(pattern, 'gu'));
const englishAlone = new RegExp(
  `^(?:please |pls |hi |hello |hey |ok |just )*(?:an? |the )?(?:${surely}|agent|person|customer (?:service|support|care)|live chat)(?: please| pls| plz| now| asap| thanks)*$`,
  'u',
);
/** Before what is said of a person, in the same clause. */
const englishNo =
  /\b(?:(?:do|did|does|would|should|will)(?:n't| not)(?! (?:you|i\b|we\b))|dont|never|not(?! able)|no need|no longer|without|rather than|instead of|won't|avoid|hate|stop)\b/u;

const artificial =
  '(?!智|成本|降雨|湖|授精|费|合成|神经|关节|种植|心脏|呼吸|岛|草|培育|制造|饲养|翻译|标注|客服(?:系统|软件|电话|热线|时间|的))';
const someone = `(?:人工${artificial}|真人|活人|(?:客服|坐席|座席)(?!微信|电话|邮箱|热线|号码|系统|软件|时间|地址|q))`;
const filler =
  '(?:我|一个|个|一位|位|名|一名|一下|下|到|至|成|为|你们|您们|贵司|的|些|来|接|入|通|去|给|在线|联系|真正|用|跟|和|与)*';
const chinesePatterns: readonly RegExp[] = [
  `(?:转|找|要|叫|换|接|连接|联系|呼叫|需要|想|请|给我|帮我|安排|派|有没有|有|让|切|切换|呼|求|用)${filler}${someone}`,
  `(?:跟|和|与|同)${filler}${someone}(?:客服|人员|服务|员)?(?:聊|说话|谈|沟通|对话|讲话|通话|交流|直接)`,
  `(?:不想|不要|别让?我?)(?:再)?(?:跟|和|与)机器人`,
  `找个?人(?:来)?(?:跟|和|帮|给)我`,
  `${someone}(?:客服|服务)?(?:在吗|在不在|呢|在线吗)`,
  `${someone}(?:客服|服务)?(?:怎么|如何)(?:联系|转|找)`,
].map((pattern) => new RegExp(pattern, 'gu'));
const chineseAlone =
  /^(?:请|麻烦|亲)?(?:人工|真人|活人|客服|人工客服|人工服务|真人客服|人工坐席|在线客服)(?:吧|啊|呀|谢谢|快)*$/u;
const chineseNo =
  /不$|(?:不(?:要|想|用|需要?|必|愿意?|希望|准|打算)|别|勿|无需|没必要|没说要|不是|你是|您是|是不是)[^，。]{0,3}$/u;
const simple: Record<string, string> = {
  轉: '转',
  聯: '联',
  繫: '系',
  絡: '络',
  請: '请',
  給: '给',
  幫: '帮',
  與: '与',
  專: '专',
  員: '员',
  個: '个',
};
/** A question of yes or no, not a no. */
const choice = /(?:能不能|可不可以|可以不可以|要不|行不行|是否|是不是要|是不是可以)/gu;

/** Characters of a message that are looked through. */
const mostCharacters = 2_000;

/** Whether somebody asks to talk to a person, in English or Chinese words. */
export function wantsPerson(text: string): boolean {
  const plain = text.slice(0, mostCharacters).normalize('NFKC').toLowerCase().replace(/[’‘`]/gu, "'");
  return (
    plain.split(/[.!?;,。！？；，、]+|\n\n|\bbut\b|但是|而是/u).some(isWish) || englishAlone.test(tidy(plain))
  );
}

function isWish(clause: string): boolean {
  const english = tidy(clause);
  if (englishAlone.test(english) || isIn(english, englishPatterns, englishNo)) return true;
  const simplified = clause.replace(/[轉聯繫絡請給幫與專員個]/gu, (sign) => simple[sign] ?? sign);
  const chinese = simplified.replace(/\s+/gu, '').replace(choice, '');
  return chineseAlone.test(chinese) || isIn(chinese, chinesePatterns, chineseNo);
}

function tidy(text: string): string {
  return text
    .replace(/[^\p{L}\p{N}' ]+/gu, ' ')
    .replace(/\s+/gu, ' ')
    .trim();
}

function isIn(clause: string, patterns: readonly RegExp[], no: RegExp): boolean {
  return patterns.some((pattern) =>
    [...clause.matchAll(pattern)].some(({ index }) => !no.test(clause.slice(0, index))),
  );
}
