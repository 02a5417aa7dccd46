import type { Language } from './question.ts';

/** The answerer's own sentences, everything else in an answer is quoted. */
export interface Phrases {
  hello: string;
  identity: string;
  /** After it, where the knowledge base is about Parley. */
  invitation: string;
  /** Before passages that cover the question well. */
  found: string;
  /** Before the nearest passages to a question that they may not answer. */
  unsure: string;
  unknown: string;
  /** What the operator can do about it; said where the knowledge base is about Parley. */
  advice: string;
  blind: string;
  /** `file`: null for an article, which is known by its title. */
  sourceOf(title: string, file: string | null, number: number): string;
}

const keys = '`OPENAI_API_KEY`, `ANTHROPIC_API_KEY`';

const en: Phrases = {
  hello: 'Hello! ',
  identity:
    "I am parley-local, Parley's built-in retrieval answerer. I am not a language model: I look a question up in the " +
    'knowledge base and quote the passages that fit, and I say so when there are none.',
  invitation: ' Ask me about Parley, for example how to configure a provider.',
  found: 'The knowledge base says:',
  unsure: 'I am not sure that this answers your question. The closest passage in the knowledge base:',
  unknown:
    "I do not know: the knowledge base has nothing about this. I am parley-local, Parley's built-in retrieval " +
    'answerer, not a language model, so I can only quote what is in the knowledge base.',
  advice:
    `For answers from a language model, set ${keys} or \`DASHSCOPE_API_KEY\` and restart Parley. To teach me, add a ` +
    'Markdown file to the knowledge folder.',
  blind: 'I cannot see the images, videos or other attachments in your message; I read its text only.',
  sourceOf: (title, file, number) => `**${title}**${file === null ? '' : ` (${file})`} [${number}]`,
};

const zh: Phrases = {
  hello: '你好！',
  identity:
    '我是 parley-local，Parley 内置的检索应答器。我不是语言模型：我在知识库中查找问题并引用合适的段落，找不到时会如实说明。',
  invitation: '可以问我关于 Parley 的问题，例如如何配置模型服务商。',
  found: '知识库中的相关内容：',
  unsure: '我不确定这是否回答了你的问题。知识库中最接近的内容：',
  unknown:
    '我不知道：知识库中没有相关内容。我是 parley-local，Parley 内置的检索应答器，不是语言模型，只能引用知识库里的内容。',
  advice: `如需语言模型的回答，请设置 ${keys.replace(', ', '、')} 或 \`DASHSCOPE_API_KEY\` 后重启 Parley；也可以把 Markdown 文件放进知识库文件夹。`,
  blind: '我看不到消息中的图片、视频或其他附件，只能读取文字。',
  sourceOf: (title, file, number) => `**${title}**${file === null ? ' ' : `（${file}）`}[${number}]`,
};

/** The sentences in the language of a question; without those about Parley where the knowledge base is about something else. */
export function phrasesIn(language: Language, aboutParley: boolean): Phrases {
  const phrases = language === 'zh' ? zh : en;
  return aboutParley ? phrases : { ...phrases, invitation: '', advice: '' };
}
