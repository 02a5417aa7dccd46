const longest = 80;

const greeting =
  /^(?:(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day))(?: (?:there|all|parley|everyone|again))?(?![\p{L}\p{N}])|你好|您好|哈喽|哈啰|嗨|嘿|大家好|早上好|上午好|中午好|下午好|晚上好|早安|在吗|在么)[\s,.!?;:~。、呀啊哈]*/u;

const courtesy =
  /^(?:how (?:are you|do you do|is it going)(?: (?:doing|today|doing today))?|你好吗|最近好吗|最近怎么样)$/u;

const identity = [
  /^(?:so |and )?(?:who|what)(?: (?:really|exactly|actually))? are you(?: (?:really|exactly|actually))?$/,
  /^what(?:'s| is) your name$/,
  /^(?:so )?are you (?:(?:a|an|the|really|just|actually) )*(?:real |large |human )*(?:language model|llm|ai|bot|chatbot|robot|human|person|machine|real|chatgpt|claude|gemini|gpt\S*|qwen\S*)(?: or .*)?$/,
  /^(?:what|which) (?:(?:language|ai|kind of|sort of|large) )*(?:model|llm|ai|bot|assistant|version) (?:are you|is this|am i (?:talking|speaking|chatting) (?:to|with)|do you use)$/,
  /^(?:please )?(?:tell me about|introduce|describe) yourself$/,
  /^(?:what can you (?:do|help(?: me)? with)|how can you help(?: me)?|can you help(?: me)?|help(?: me)?)$/,
  /^who (?:made|built|created|trained|developed) you$/,
  /^(?:请问)?你(?:到底)?是(?:谁|什么|哪个(?:模型)?|什么(?:大|语言)*模型|做什么的|干什么的|谁(?:开发|训练|做)的)$/,
  /^(?:请问)?你是不?是?(?:一个|一种|真)*(?:的)?(?:大|语言|AI)*(?:模型|机器人|ai|人工智能|真人|人类|人|chatgpt|gpt\S*|claude|通义千问)(?:吗)?$/,
  /^(?:请)?(?:介绍一下你自己|介绍你自己|自我介绍(?:一下)?|做个自我介绍)$/,
  /^你(?:叫什么(?:名字)?|能做什么|会做什么|会什么|能干什么|有什么用|能帮我(?:做)?什么)$/,
  /^(?:please )?(?:help me|(?:i )?(?:need|could use|would like|want)(?: some| your)? help|(?:can|could|would|will) (?:you|anyone|somebody|someone) (?:please )?help(?: me)?|i have a question)(?: please)?$/,
  /^(?:请)?(?:帮助|帮帮我|帮帮忙|帮我一下|帮个忙|我?(?:需要|想要|要)(?:一些|一点|你的|您的)?(?:帮助|帮忙)|(?:你|您)?(?:能|可以|能不能|可不可以)帮(?:帮|助)?我(?:吗|一下吗)?|我有(?:一|个|一个)?问题(?:想问|要问|想咨询|请教)?)(?:可以吗|好吗|谢谢)?$/u,
];

/** What a message is when it is not a question to look up; null for everything else. Only short, whole messages count. */
export function smallTalkOf(message: string): 'greeting' | 'identity' | null {
  if (message.length > longest) return null;
  const text = bare(message);
  const rest = bare(text.replace(greeting, ''));
  if (identity.some((pattern) => pattern.test(rest))) return 'identity';
  const greeted = rest === '' && text !== '' && greeting.test(text);
  return greeted || courtesy.test(rest) || courtesy.test(text) ? 'greeting' : null;
}

function bare(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('’', "'")
    .replace(/\s+/gu, ' ')
    .replace(/^[\s,.!?]+|[\s,.!?。~、\p{Emoji_Presentation}]+$|(?:呀|啊|呢)[?!]*$/gu, '');
}
